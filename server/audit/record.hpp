#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "audit/digest.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"

namespace meridian::audit {

/// Version of the canonical form, its `v` field. A change of meaning needs a new number. Version 2
/// added the fields that version 1 lacks; records of both are read, and keep their number.
inline constexpr std::uint64_t kRecordVersion = 2;

/// Longest text field of a record in bytes; longer text is cut at a character when it is written.
inline constexpr std::size_t kMaxText = 256;

enum class Kind : std::uint8_t {
  kNodeStarted,
  kNodeStopped,
  kConfigLoaded,     // digest = SHA-256 of the configuration text
  kPolicyLoaded,     // an account's policy of this epoch and digest is now in force
  kPermitGranted,    // a leg may carry media in this region
  kPermitDenied,     // it may not; reason says why
  kPermitRevoked,    // it no longer may: the policy changed
  kPolicyChanged,    // somebody gave the account this epoch and digest; reason = mode
  kPolicyConfirmed,  // an operator accepted a policy that is older or wider than the last recorded
  kChangeDry,        // no datagram leaves the removed regions any more; count = peers still sending
  kAdminAction,      // a call of the administration interface; reason = its name, status = answer
  kTransitReport,    // digest = SHA-256 of the canonical report of this meeting
  kCheckpoint,       // digest = Merkle root over the first `count` lines
  kKeyPublished,     // key = the public key that signs from now on; reason = first or rotated
  kPersonErased,     // the way back from `participant` to a person was deleted; reason says why
};
inline constexpr Kind kLastKind = Kind::kPersonErased;

/// What kind of leg a permit record is about.
enum class Leg : std::uint8_t { kNone, kClient, kRelay };

[[nodiscard]] std::string_view name_of(Kind kind);
[[nodiscard]] std::string_view name_of(Leg leg);

/// One entry of the audit log. It holds ids that operators and this server made, never names,
/// identities, addresses or anything else that a person supplied: of those only a salted commitment
/// (audit/commitment.hpp), which says nothing once the salt is deleted.
struct Record {
  std::uint64_t version = kRecordVersion;
  /// Position in the chain of `account`, from 1. Set by Log::append.
  std::uint64_t sequence = 0;
  UnixTime time;
  /// The node that wrote it. Set by Log::append.
  std::string node;
  /// Whose chain it belongs to; empty for what concerns the node itself.
  AccountId account;
  Kind kind = Kind::kNodeStarted;
  Leg leg = Leg::kNone;
  RegionId region;
  PolicyEpoch epoch;
  /// Of the policy, or of the configuration.
  Digest digest;
  std::string room_sid;
  std::string participant_sid;
  /// A fixed word such as `region_not_allowed`; empty when there is nothing to explain.
  std::string reason;
  /// Role of whoever asked: `owner`, `admin`, `auditor`, `operator`, `config`.
  std::string actor;
  /// To what is personal about the participant, or about actor and reason of a change.
  Digest commitment;
  /// How often the same was repeated since the record before; lines; peers. See Kind.
  std::uint64_t count = 0;
  /// HTTP status of an administration call.
  std::uint64_t status = 0;
  /// A public key as audit/signing.hpp prints it.
  std::string key;

  friend bool operator==(const Record&, const Record&) = default;
};

/// The one byte sequence that stands for this record: a JSON object without spaces, its keys
/// sorted, empty fields left out, whole numbers only, text in UTF-8 with ill-formed bytes replaced.
[[nodiscard]] std::string canonical(const Record& record);

/// The record of a canonical text; nothing for any other text, so that canonical() and this are
/// inverse to each other.
[[nodiscard]] std::optional<Record> parse_canonical(std::string_view text);

}  // namespace meridian::audit
