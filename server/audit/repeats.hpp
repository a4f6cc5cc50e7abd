#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <tuple>
#include <vector>

#include "audit/record.hpp"
#include "base/time.hpp"

namespace meridian::audit {

/// Counts what repeats, so that a client that is refused ten times a second doesn't fill the log.
/// Records repeat each other when account, kind, leg, region, epoch, reason, actor and status are
/// the same. The first is for the log; those within kWindow after it become one record at its end
/// that says how many they were and names neither meeting nor participant.
class Repeats {
 public:
  static constexpr Duration kWindow = std::chrono::seconds(60);
  /// What is counted at a time; beyond it every record counts as a first.
  static constexpr std::size_t kMaxKeys = 1024;

  enum class Seen : std::uint8_t { kFirst, kRepeated };
  [[nodiscard]] Seen note(const Record& record);

  /// The counts whose window is over at `now`.
  [[nodiscard]] std::vector<Record> take_due(UnixTime now);
  /// All counts.
  [[nodiscard]] std::vector<Record> take_all(UnixTime now);

 private:
  using Key = std::tuple<AccountId, Kind, Leg, RegionId, PolicyEpoch, std::string, std::string,
                         std::uint64_t>;
  struct Window {
    UnixTime start;
    Record record;  // of the last one; its count is what follows the first
  };
  std::map<Key, Window> windows_;
};

}  // namespace meridian::audit
