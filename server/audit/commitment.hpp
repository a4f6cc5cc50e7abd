#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "audit/digest.hpp"
#include "base/ids.hpp"
#include "base/random.hpp"
#include "base/time.hpp"

/// What is personal never stands in the log: a record has a random id and a commitment,
///
///   SHA-256("meridian commitment v1\n" || salt || text)
///
/// and the way back, an Opening with salt and text, lies in a table of its own. Deleting the
/// opening makes the commitment meaningless, since the salt is 32 random bytes, and breaks no
/// chain.
namespace meridian::audit {

/// Longest personal text of one opening, in bytes.
inline constexpr std::size_t kMaxPersonalText = 1024;
/// Longest line of an identity table, in bytes.
inline constexpr std::size_t kMaxOpeningLine = 16 * 1024;

using Salt = std::array<std::uint8_t, 32>;

[[nodiscard]] Digest commit(const Salt& salt, std::string_view text);

/// One row of an identity table.
struct Opening {
  AccountId account;
  /// The id that stands in the log and in reports: a participant's sid, or `epoch-N` for whoever
  /// changed a policy.
  std::string pseudonym;
  /// Of the meeting; empty when it concerns none.
  std::string room_sid;
  UnixTime time;
  Salt salt{};
  /// The meeting's name, and who the person is: what makes this row personal.
  std::string room_name;
  std::string identity;
  /// An administrator's words for a change.
  std::string reason;
  friend bool operator==(const Opening&, const Opening&) = default;
};

/// The commitment that the log has for this row: to its room name, identity and reason.
[[nodiscard]] Digest commitment_of(const Opening& opening);
/// Gives the opening its salt.
[[nodiscard]] Digest commit(Opening& opening, RandomSource& random);

/// One line of the table without its newline: canonical JSON with `v`.
[[nodiscard]] std::string to_line(const Opening& opening);
[[nodiscard]] std::optional<Opening> parse_opening(std::string_view line);

}  // namespace meridian::audit
