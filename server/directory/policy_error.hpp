#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace meridian::directory {

/// Why an account, a key or a policy couldn't be made or changed.
enum class PolicyError : std::uint8_t {
  kUnknownAccount,
  kUnknownKey,
  kUnknownRegion,
  kUnknownPreset,
  kInvalid,                // an id or name of the wrong form, or more entries than there may be
  kAlreadyExists,          // an account or key of this id
  kDefaultRegionLocked,    // the change would opt out of the account's default region
  kOverrideOutsideParent,  // a group, user or room setting names a region that its parent hasn't
  kStaleEpoch,             // the policy was changed by somebody else in between
  kManagedByFile,          // the account comes from the configuration: change that and reload
  kLockedByPreset,
  kLocked,        // locked by the account's own owner, and the author isn't one
  kRoutingFixed,  // the account's plan doesn't include the choice
  kOperatorCannotWiden,
  kUnavailable,  // the store can't be read or written: nothing was changed
};
/// `default_region_locked` and so on: the `error` of the API's answers.
[[nodiscard]] std::string_view name_of(PolicyError error);
/// The HTTP status that goes with it.
[[nodiscard]] unsigned http_status(PolicyError error);

/// An error with a sentence that names what is in the way.
struct PolicyRefusal {
  PolicyError code = PolicyError::kUnavailable;
  std::string message;
  friend bool operator==(const PolicyRefusal& refusal, PolicyError wanted) {
    return refusal.code == wanted;
  }
};

}  // namespace meridian::directory
