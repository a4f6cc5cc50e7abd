#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "residency/decide.hpp"

/// Random worlds for the property tests, and the policy restated from its prose, without any of the
/// server's code for it: one region at a time, asking each sentence of the design.
namespace meridian::residency::testing_support {

struct World {
  std::vector<Region> regions;
  std::vector<PoolState> pools;
  AccountPolicy::Terms terms;
  Overrides overrides;
  RegionId arrived_at;
  std::optional<RegionId> hint;
};

inline RegionId region_of(std::uint64_t number) {
  return RegionId("r" + std::to_string(number));
}

inline constexpr std::uint64_t kRegions = 5;

inline RegionSet random_set(Rng& rng, double density) {
  RegionSet set;
  for (std::uint64_t i = 0; i < kRegions; ++i) {
    if (rng.chance(density)) {
      set.insert(region_of(i));
    }
  }
  return set;
}

/// A subset of `parent` mostly; now and then something that widens it.
inline std::optional<RegionSet> random_override(Rng& rng, const RegionSet& parent) {
  if (rng.chance(0.6)) {
    return std::nullopt;
  }
  RegionSet set = random_set(rng, 0.6);
  if (!rng.chance(0.1)) {
    std::erase_if(set, [&](const RegionId& region) { return !parent.contains(region); });
  }
  return set;
}

inline World random_world(Rng& rng) {
  World world;
  for (std::uint64_t i = 0; i < kRegions; ++i) {
    const auto degrees = [&](int bound) {
      return static_cast<double>(rng.below(static_cast<std::uint64_t>(2 * bound))) - bound;
    };
    world.regions.push_back({region_of(i), "", {}, {degrees(90), degrees(180)}, ""});
  }
  for (std::uint64_t i = 0; i < 8; ++i) {
    world.pools.push_back({region_of(rng.below(kRegions)),
                           static_cast<PoolState::Liveness>(rng.below(3)),
                           static_cast<std::uint32_t>(rng.below(3))});
  }
  world.terms = {.account = AccountId("a"),
                 .default_region = region_of(rng.below(kRegions)),
                 .opted_in = random_set(rng, 0.5),
                 .signalling_scope =
                     rng.chance(0.5) ? SignallingScope::kAny : SignallingScope::kPermittedOnly};
  RegionSet parent = world.terms.opted_in;
  parent.insert(world.terms.default_region);
  world.overrides.group = random_override(rng, parent);
  world.overrides.user = random_override(rng, world.overrides.group.value_or(parent));
  world.overrides.room =
      random_override(rng, world.overrides.user.value_or(world.overrides.group.value_or(parent)));
  world.arrived_at = region_of(rng.below(kRegions));
  if (rng.chance(0.4)) {
    world.hint = region_of(rng.below(kRegions + 1));  // the last of them doesn't exist
  }
  return world;
}

/// May media of the account be in this region at all?
inline bool is_permitted(const World& world, const RegionId& region) {
  const auto has = [&](const RegionSet& set) { return set.count(region) == 1; };
  return region == world.terms.default_region ||
         (has(world.terms.opted_in) && (!world.overrides.group || has(*world.overrides.group)) &&
          (!world.overrides.user || has(*world.overrides.user)) &&
          (!world.overrides.room || has(*world.overrides.room)));
}

inline ClientQuestion question_of(const World& world, const AccountPolicy& policy) {
  return {.policy = &policy,
          .overrides = world.overrides,
          .arrived_at = world.arrived_at,
          .hint = world.hint,
          .regions = world.regions,
          .pools = world.pools};
}

}  // namespace meridian::residency::testing_support
