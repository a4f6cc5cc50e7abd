#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ids.hpp"
#include "residency/policy.hpp"
#include "residency/region.hpp"

namespace meridian::residency {

enum class DenialReason : std::uint8_t {
  kUnknownAccount,       // no policy: fails closed
  kInvalidOverride,      // the token names another group or user than its meeting runs under
  kRegionNotAllowed,     // the policy forbids where it arrived, what it asked for, or a relay's end
  kRegionUnavailable,    // permitted, but no pool there is live with room; never a spill elsewhere
  kAuditUnavailable,     // the audit log can't take the record (decided by Gate)
  kStaleEpoch,           // the token was made under a policy that is no longer in force
  kGuestPolicyConflict,  // the guest's own account excludes where the meeting's media is
};
inline constexpr std::size_t kDenialReasons = 7;
/// `region_not_allowed` and so on: in audit records, metrics and what clients read.
[[nodiscard]] std::string_view name_of(DenialReason reason);
/// The status with which a join is refused: 403 when policy forbids, 503 when nothing is free.
[[nodiscard]] unsigned http_status(DenialReason reason);

/// The levels of a meeting after a token of `claimed` has joined: each level that one of them
/// names. Nothing when they name different groups or users.
[[nodiscard]] std::optional<LevelNames> merge(LevelNames meeting, const LevelNames& claimed);

/// A participant of somebody else's meeting, where one of the two accounts is strict about guests.
struct Guest {
  /// Policy of the guest's own account; null when this node doesn't know it, which refuses.
  const AccountPolicy* home = nullptr;
  /// Where media of the meeting is now.
  RegionSet in_use;
};

/// May a client's transport exist, and where? The views must outlive the call only.
struct ClientQuestion {
  /// Policy of the account that hosts the room; null when there is none.
  const AccountPolicy* policy = nullptr;
  /// Which of the policy's levels apply to the meeting once this client is in it; nothing when its
  /// token contradicts what the meeting runs under (see merge()), which refuses.
  std::optional<LevelNames> levels = LevelNames{};
  /// The epoch that the token was made under; nothing when it doesn't say.
  std::optional<PolicyEpoch> seen = {};
  /// Nothing for the account's own people, and where the host governs.
  std::optional<Guest> guest = {};
  /// Region whose signalling listener took the request.
  RegionId arrived_at;
  /// The client's wish (`?region=`).
  std::optional<RegionId> hint;
  /// All regions that the operator runs, for their distances.
  std::span<const Region> regions;
  std::span<const PoolState> pools;
};

/// May tracks flow from a shard in one region to a shard in another (or in the same)?
struct RelayQuestion {
  const AccountPolicy* policy = nullptr;
  LevelNames levels = {};
  RegionId from;
  RegionId to;
};

struct ClientAllowed {
  RegionId region;
  /// Index into ClientQuestion::pools.
  std::size_t pool = 0;
  friend bool operator==(const ClientAllowed&, const ClientAllowed&) = default;
};
struct RelayAllowed {
  RegionId from;
  RegionId to;
  friend bool operator==(const RelayAllowed&, const RelayAllowed&) = default;
};
struct Denied {
  DenialReason reason = DenialReason::kUnknownAccount;
  /// Where the account may go instead, nearest first (of a relay: by id). The caller shows URLs.
  std::vector<RegionId> permitted;
  friend bool operator==(const Denied&, const Denied&) = default;
};

using ClientDecision = std::variant<ClientAllowed, Denied>;
using RelayDecision = std::variant<RelayAllowed, Denied>;

/// Whether a guest's own policy counts: when either side is strict. `home` may be null.
[[nodiscard]] bool is_strict(const AccountPolicy& host, const AccountPolicy* home);

/// Pure and total. A join that was made under an older policy is refused with the present places.
/// So is one that arrives at a region outside the effective set, unless the account's signalling
/// scope is kAny, and one with a hint outside the set. Otherwise the pool is the one with most room
/// in the nearest permitted region (from the hint, else from where it arrived) that has a live one
/// with room. A strict guest gets in only where the guest's own account permits every region in
/// use and the one that it would get; the host's meeting is never altered for a guest.
[[nodiscard]] ClientDecision decide(const ClientQuestion& question);
/// Pure and total. Both ends must be in the effective set.
[[nodiscard]] RelayDecision decide(const RelayQuestion& question);

}  // namespace meridian::residency
