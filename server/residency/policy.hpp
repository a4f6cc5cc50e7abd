#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "audit/digest.hpp"
#include "base/expected.hpp"
#include "base/ids.hpp"
#include "residency/region.hpp"

namespace meridian::residency {

/// Which region's nodes may take the signalling of an account's participants. Media is never
/// affected: it stays in the effective set with either.
enum class SignallingScope : std::uint8_t {
  kPermittedOnly,  // a node elsewhere refuses the join and names the permitted endpoints
  kAny,            // a node elsewhere may take the signalling and hand out permitted candidates
};
/// Whether a guest's own account has a say in the host's meeting.
enum class GuestMode : std::uint8_t {
  kHostGoverns,  // no: the host's policy is the meeting's
  kStrict,       // a guest whose own account excludes a region in use is not let in
};
/// What happens when the audit log can't be written.
enum class Evidence : std::uint8_t {
  kBestEffort,  // meetings go on and begin, records wait
  kRequired,    // no new meeting begins
};
/// Whether the account may choose at all.
enum class RoutingControl : std::uint8_t {
  kChosen,
  kFixed,  // a plan without the right to choose: the default region only
};
/// A part of the terms that can be locked against change.
enum class Setting : std::uint8_t {
  kOptedIn,
  kSignallingScope,
  kGuestMode,
  kOverrides,  // all of groups, users and rooms
  kEvidence,
};
inline constexpr std::size_t kSettings = 5;

[[nodiscard]] std::string_view name_of(SignallingScope scope);
[[nodiscard]] std::string_view name_of(GuestMode mode);
[[nodiscard]] std::string_view name_of(Evidence evidence);
[[nodiscard]] std::string_view name_of(RoutingControl control);
[[nodiscard]] std::string_view name_of(Setting setting);
/// The inverse of name_of(); nothing for any other word.
template <class Enum>
[[nodiscard]] std::optional<Enum> parse_name(std::string_view name);

/// A person of the account: which group's setting holds, and an own one below it.
struct UserSetting {
  /// Empty: none. A group without a setting doesn't restrict.
  std::string group;
  std::optional<RegionSet> regions;
  friend bool operator==(const UserSetting&, const UserSetting&) = default;
};

/// Allow-sets below the account. A level that is absent doesn't restrict.
struct LevelSettings {
  std::map<std::string, RegionSet, std::less<>> groups;
  std::map<std::string, UserSetting, std::less<>> users;
  std::map<std::string, RegionSet, std::less<>> rooms;
  friend bool operator==(const LevelSettings&, const LevelSettings&) = default;
};
/// Entries of all three together.
inline constexpr std::size_t kMaxLevelEntries = 10'000;
/// Bytes of the name of a group, user or room.
inline constexpr std::size_t kMaxLevelName = 256;

/// The levels that apply to one meeting: the host's group and user, and the room. Empty: none.
struct LevelNames {
  std::string group;
  std::string user;
  std::string room;
  friend bool operator==(const LevelNames&, const LevelNames&) = default;
};

/// One level of an explanation, with what is left of the set below it.
struct Step {
  std::string_view level;  // `account`, `group`, `user`, `room`
  RegionSet regions;
  friend bool operator==(const Step&, const Step&) = default;
};

/// One immutable, numbered version of an account's routing.
///
///   effective = {default region} ∪ (opted in ∩ group? ∩ user? ∩ room?)
///
/// No level can widen, none can remove the default region, and a region that nobody opted into is
/// out: a new region changes no account.
class AccountPolicy {
 public:
  struct Terms {
    AccountId account;
    RegionId default_region;
    RegionSet opted_in;
    SignallingScope signalling_scope = SignallingScope::kPermittedOnly;
    GuestMode guest_mode = GuestMode::kHostGoverns;
    Evidence evidence = Evidence::kBestEffort;
    RoutingControl routing_control = RoutingControl::kChosen;
    /// The preset that the account is under; empty = none.
    std::string preset = {};
    std::set<Setting> locked = {};
    LevelSettings levels = {};
    friend bool operator==(const Terms&, const Terms&) = default;
  };

  /// `epoch` must not be 0. The default region needs no mention in `opted_in`.
  AccountPolicy(Terms terms, PolicyEpoch epoch);

  [[nodiscard]] const AccountId& account() const { return terms_.account; }
  [[nodiscard]] const RegionId& default_region() const { return terms_.default_region; }
  [[nodiscard]] SignallingScope signalling_scope() const { return terms_.signalling_scope; }
  [[nodiscard]] GuestMode guest_mode() const { return terms_.guest_mode; }
  [[nodiscard]] Evidence evidence() const { return terms_.evidence; }
  [[nodiscard]] PolicyEpoch epoch() const { return epoch_; }
  /// Of the canonical form: what audit records name. The epoch is not part of it.
  [[nodiscard]] const audit::Digest& digest() const { return digest_; }
  /// The terms, with the default region among `opted_in`.
  [[nodiscard]] const Terms& terms() const { return terms_; }

  /// The account's set: where any of its meetings may be.
  [[nodiscard]] const RegionSet& effective() const { return terms_.opted_in; }
  /// The effective set of a meeting. Total: whatever the settings say, this only narrows.
  [[nodiscard]] RegionSet effective(const LevelNames& names) const;
  /// Whether the region is in effective(names); allocates nothing.
  [[nodiscard]] bool allows(const RegionId& region, const LevelNames& names) const;
  /// How effective(names) comes about: the account, then each level that names a setting.
  [[nodiscard]] std::vector<Step> explain(const LevelNames& names) const;

 private:
  // The allow-sets that apply, from group to room; null where a level doesn't restrict.
  struct Applied {
    const RegionSet* group = nullptr;
    const RegionSet* user = nullptr;
    const RegionSet* room = nullptr;
  };
  [[nodiscard]] Applied applied(const LevelNames& names) const;

  Terms terms_;
  PolicyEpoch epoch_;
  audit::Digest digest_;
};

/// What is wrong with the levels of some terms.
struct LevelFault {
  enum class Kind : std::uint8_t {
    kOutsideParent,  // a setting names a region that its parent doesn't have
    kDropsDefault,   // a setting leaves out the default region, which no level can remove
    kMalformed,      // too many entries, or a name that is empty or too long
  } kind = Kind::kMalformed;
  std::string message;
};
/// A setting that can't hold is refused rather than trimmed, so that whoever made it learns of it.
/// A user's parent is the group that it names; that of groups and rooms the account.
[[nodiscard]] base::Expected<void, LevelFault> check_levels(const AccountPolicy::Terms& terms);

/// Whether `next` surely permits nothing that `before` didn't: regions at every level, signalling
/// scope, guest mode, evidence, locks. What an operator may do, and a restart by itself.
[[nodiscard]] bool is_within(const AccountPolicy::Terms& next, const AccountPolicy::Terms& before);

/// The settings in which the two differ.
[[nodiscard]] std::set<Setting> changed_settings(const AccountPolicy::Terms& a,
                                                 const AccountPolicy::Terms& b);

/// The text that a policy's digest is of: JSON without spaces, keys and regions sorted.
[[nodiscard]] std::string canonical(const AccountPolicy::Terms& terms);
/// Version of that text, its `v`.
inline constexpr std::uint64_t kTermsVersion = 2;

}  // namespace meridian::residency
