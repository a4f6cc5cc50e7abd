#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>

#include "residency/policy.hpp"

namespace meridian::residency {

/// Named terms that an account can be put under. Each part either leaves the account's own choice
/// or is the tighter value, so that a preset can only tighten.
struct Preset {
  std::string name;
  /// Which of the account's regions remain: all, or none but the default.
  enum class Regions : std::uint8_t { kChosen, kDefaultOnly } regions = Regions::kChosen;
  /// Tags of which a region needs one to remain (the default region always does); empty = any.
  std::set<std::string> jurisdictions;
  bool permitted_signalling_only = false;
  bool strict_guests = false;
  bool evidence_required = false;
  /// What nobody in the account can change.
  std::set<Setting> locked;
  friend bool operator==(const Preset&, const Preset&) = default;
};

/// `terms` as narrowed by the preset, which it then names: regions, and levels with them.
/// `regions` are the operator's, for their jurisdictions.
[[nodiscard]] AccountPolicy::Terms tighten(AccountPolicy::Terms terms, const Preset& preset,
                                           std::span<const Region> regions);

/// `terms` without the right to choose when their routing control is kFixed: the default region.
[[nodiscard]] AccountPolicy::Terms fix(AccountPolicy::Terms terms);

}  // namespace meridian::residency
