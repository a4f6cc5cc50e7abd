#include "residency/preset.hpp"

#include <algorithm>
#include <utility>

namespace meridian::residency {
namespace {

// The settings below the account, without the regions that the account itself has lost.
void narrow_levels(LevelSettings& levels, const RegionSet& allowed) {
  const auto narrow = [&](RegionSet& set) {
    std::erase_if(set, [&](const RegionId& region) { return !allowed.contains(region); });
  };
  for (auto& [name, set] : levels.groups) {
    narrow(set);
  }
  for (auto& [name, user] : levels.users) {
    if (user.regions) {
      narrow(*user.regions);
    }
  }
  for (auto& [name, set] : levels.rooms) {
    narrow(set);
  }
}

bool is_in_jurisdiction(const RegionId& id, const Preset& preset, std::span<const Region> regions) {
  if (preset.jurisdictions.empty()) {
    return true;
  }
  const auto region = std::ranges::find(regions, id, &Region::id);
  return region != regions.end() &&
         std::ranges::any_of(region->jurisdictions, [&](const std::string& tag) {
           return preset.jurisdictions.contains(tag);
         });
}

}  // namespace

AccountPolicy::Terms tighten(AccountPolicy::Terms terms, const Preset& preset,
                             std::span<const Region> regions) {
  terms.preset = preset.name;
  std::erase_if(terms.opted_in, [&](const RegionId& region) {
    return preset.regions == Preset::Regions::kDefaultOnly ||
           !is_in_jurisdiction(region, preset, regions);
  });
  terms.opted_in.insert(terms.default_region);
  narrow_levels(terms.levels, terms.opted_in);
  if (preset.permitted_signalling_only) {
    terms.signalling_scope = SignallingScope::kPermittedOnly;
  }
  if (preset.strict_guests) {
    terms.guest_mode = GuestMode::kStrict;
  }
  if (preset.evidence_required) {
    terms.evidence = Evidence::kRequired;
  }
  terms.locked.insert(preset.locked.begin(), preset.locked.end());
  return terms;
}

AccountPolicy::Terms fix(AccountPolicy::Terms terms) {
  if (terms.routing_control == RoutingControl::kFixed) {
    terms.opted_in = {terms.default_region};
    narrow_levels(terms.levels, terms.opted_in);
  }
  return terms;
}

}  // namespace meridian::residency
