#include "directory/directory.hpp"

namespace meridian::directory {

std::string_view name_of(PolicyError error) {
  switch (error) {
    case PolicyError::kUnknownAccount:
      return "unknown_account";
    case PolicyError::kUnknownRegion:
      return "unknown_region";
    case PolicyError::kDefaultRegionLocked:
      return "default_region_locked";
    case PolicyError::kStaleEpoch:
      return "stale_epoch";
  }
  return "";
}

}  // namespace meridian::directory
