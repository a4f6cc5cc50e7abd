#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "directory/directory.hpp"
#include "residency/policy.hpp"

/// A change of an account's routing while meetings run, as plain values: what is asked of
/// node::Control, and what it answers when the regions that were removed are dry.
namespace meridian::api {

/// Entries of each list in an outcome or a preview; what is beyond is only counted.
inline constexpr std::size_t kMaxListedPeople = 1000;
/// Longest time that ChangeMode::kGraceful may give.
inline constexpr Duration kMaxGrace = 120s;

enum class ChangeMode : std::uint8_t {
  kImmediate,  // permits stop at once; people come back in a permitted region
  kGraceful,   // no new permits at once; people are moved, and permits stop when all are, or after
               // `grace`
};

struct ChangeRequest {
  /// They name the account.
  residency::AccountPolicy::Terms terms;
  /// The epoch that the author saw.
  PolicyEpoch expected;
  directory::Author author;
  ChangeMode mode = ChangeMode::kImmediate;
  /// kGraceful only; more than kMaxGrace counts as kMaxGrace.
  Duration grace = 30s;
};

/// Somebody who was in a region that is not permitted any more. All ids are server-made.
struct MovedParticipant {
  std::string room_sid;
  std::string participant_sid;
  RegionId from;
  /// Whether signalling could tell them to reconnect; nobody could when it was cut.
  bool told = false;
  friend bool operator==(const MovedParticipant&, const MovedParticipant&) = default;
};

/// Somebody who can't come back anywhere now.
struct StrandedParticipant {
  std::string room_sid;
  std::string participant_sid;
  RegionId from;
  /// `region_unavailable` and the like.
  std::string reason;
  friend bool operator==(const StrandedParticipant&, const StrandedParticipant&) = default;
};

/// A client that goes on sending to a region that it may not use; all of it is dropped unread.
struct StillSendingParticipant {
  std::string participant_sid;
  std::uint64_t datagrams = 0;
  std::uint64_t bytes = 0;
  friend bool operator==(const StillSendingParticipant&, const StillSendingParticipant&) = default;
};

/// What became of a change. Complete once `is_finished`: then nothing of the account leaves a
/// region outside its set any more, by the answer of each worker (`dry_at`) or, for the regions in
/// `covered_by_lease`, since the leases of the workers that did not answer have run out.
struct ChangeOutcome {
  AccountId account;
  /// Of the version that is in force.
  PolicyEpoch epoch;
  UnixTime requested_at;
  /// From when no permit outside the new set was valid.
  std::optional<UnixTime> revoked_at;
  std::optional<UnixTime> dry_at;
  std::vector<MovedParticipant> moved;
  std::vector<StrandedParticipant> failed;
  std::vector<StillSendingParticipant> still_sending;
  std::vector<RegionId> covered_by_lease;
  bool is_finished = false;
};

/// What a change would do to the meetings that run now (a dry run).
struct ChangePreview {
  struct Move {
    std::string room_sid;
    std::string participant_sid;
    RegionId from;
    RegionId to;
    friend bool operator==(const Move&, const Move&) = default;
  };
  /// The version in force, on which the preview is based.
  PolicyEpoch epoch;
  std::vector<Move> would_move;
  std::vector<StrandedParticipant> would_refuse;
};

}  // namespace meridian::api
