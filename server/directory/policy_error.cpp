#include "directory/policy_error.hpp"

#include "directory/policy_store.hpp"

namespace meridian::directory {

std::string_view name_of(PolicyError error) {
  switch (error) {
    case PolicyError::kUnknownAccount:
    case PolicyError::kUnknownKey:
      return "not_found";
    case PolicyError::kUnknownRegion:
      return "unknown_region";
    case PolicyError::kUnknownPreset:
      return "unknown_preset";
    case PolicyError::kInvalid:
      return "invalid";
    case PolicyError::kAlreadyExists:
      return "already_exists";
    case PolicyError::kDefaultRegionLocked:
      return "default_region_locked";
    case PolicyError::kOverrideOutsideParent:
      return "override_outside_parent";
    case PolicyError::kStaleEpoch:
      return "stale_epoch";
    case PolicyError::kManagedByFile:
      return "managed_by_file";
    case PolicyError::kLockedByPreset:
      return "locked_by_preset";
    case PolicyError::kLocked:
      return "locked";
    case PolicyError::kRoutingFixed:
      return "routing_fixed";
    case PolicyError::kOperatorCannotWiden:
      return "operator_cannot_widen";
    case PolicyError::kUnavailable:
      return "unavailable";
  }
  return "";
}

unsigned http_status(PolicyError error) {
  switch (error) {
    case PolicyError::kUnknownAccount:
    case PolicyError::kUnknownKey:
      return 404;
    case PolicyError::kUnknownRegion:
    case PolicyError::kUnknownPreset:
    case PolicyError::kInvalid:
    case PolicyError::kOverrideOutsideParent:
      return 422;
    case PolicyError::kAlreadyExists:
    case PolicyError::kDefaultRegionLocked:
    case PolicyError::kManagedByFile:
    case PolicyError::kLockedByPreset:
    case PolicyError::kLocked:
    case PolicyError::kRoutingFixed:
      return 409;
    case PolicyError::kStaleEpoch:
      return 412;
    case PolicyError::kOperatorCannotWiden:
      return 403;
    case PolicyError::kUnavailable:
      return 503;
  }
  return 503;
}

std::string_view name_of(ManagedBy managed_by) {
  return managed_by == ManagedBy::kFile ? "file" : "store";
}

}  // namespace meridian::directory
