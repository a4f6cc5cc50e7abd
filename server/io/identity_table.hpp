#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "audit/commitment.hpp"
#include "base/expected.hpp"
#include "base/time.hpp"

/// The way back from the ids in log and reports to people: `DATA_DIR/people/REGION/ACCOUNT.jsonl`,
/// one folder for each region, so that an operator can mount each where it belongs. Functions lock
/// the table, so that they can be used by several threads and by the command line beside the node.
namespace meridian::io {

/// Appends rows of one account in one operation: all of them or none.
[[nodiscard]] base::Expected<void, base::Error> append_openings(
    const std::filesystem::path& data_dir, const RegionId& region, const AccountId& account,
    std::span<const audit::Opening> openings);

/// Rows of the account with this identity, or the one for this pseudonym, oldest first; the last
/// `limit` of them.
[[nodiscard]] base::Expected<std::vector<audit::Opening>, base::Error> find_people(
    const std::filesystem::path& data_dir, const AccountId& account, const std::string& identity,
    const std::string& pseudonym, std::size_t limit);

/// Deletes all rows of the account about the person that `pseudonym` stands for: those with the
/// same identity. How many there were.
[[nodiscard]] base::Expected<std::uint64_t, base::Error> erase_person(
    const std::filesystem::path& data_dir, const AccountId& account, const std::string& pseudonym);

/// Deletes what is older than `retention`, and rows that can't be read. How many, by account.
[[nodiscard]] base::Expected<std::map<AccountId, std::uint64_t>, base::Error> erase_expired(
    const std::filesystem::path& data_dir, Duration retention, UnixTime now);

}  // namespace meridian::io
