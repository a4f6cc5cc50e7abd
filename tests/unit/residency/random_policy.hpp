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
  LevelNames levels;
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

/// Settings with names that exist and names that don't, in and out of their parents: whatever they
/// say, they only narrow.
inline LevelSettings random_levels(Rng& rng) {
  LevelSettings levels;
  for (const char* name : {"x", "y"}) {
    if (rng.chance(0.4)) {
      levels.groups[name] = random_set(rng, 0.6);
    }
    if (rng.chance(0.3)) {
      levels.rooms[name] = random_set(rng, 0.6);
    }
    if (rng.chance(0.4)) {
      UserSetting& user = levels.users[name];
      user.group = rng.chance(0.5) ? "" : rng.chance(0.5) ? "x" : "z";
      if (rng.chance(0.5)) {
        user.regions = random_set(rng, 0.6);
      }
    }
  }
  return levels;
}

inline LevelNames random_names(Rng& rng) {
  const auto name = [&] { return rng.chance(0.3) ? "" : rng.chance(0.6) ? "x" : "y"; };
  return {.group = name(), .user = name(), .room = name()};
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
  world.terms = {
      .account = AccountId("a"),
      .default_region = region_of(rng.below(kRegions)),
      .opted_in = random_set(rng, 0.5),
      .signalling_scope = rng.chance(0.5) ? SignallingScope::kAny : SignallingScope::kPermittedOnly,
      .levels = random_levels(rng)};
  world.levels = random_names(rng);
  world.arrived_at = region_of(rng.below(kRegions));
  if (rng.chance(0.4)) {
    world.hint = region_of(rng.below(kRegions + 1));  // the last of them doesn't exist
  }
  return world;
}

/// May media of the account be in this region at all?
inline bool is_permitted(const World& world, const RegionId& region) {
  if (region == world.terms.default_region) {
    return true;
  }
  if (world.terms.opted_in.count(region) == 0) {
    return false;
  }
  std::string group = world.levels.group;
  for (const auto& [name, user] : world.terms.levels.users) {
    if (name == world.levels.user && user.regions && user.regions->count(region) == 0) {
      return false;
    }
    if (name == world.levels.user && !user.group.empty()) {
      group = user.group;
    }
  }
  for (const auto& [name, regions] : world.terms.levels.groups) {
    if (name == group && regions.count(region) == 0) {
      return false;
    }
  }
  for (const auto& [name, regions] : world.terms.levels.rooms) {
    if (name == world.levels.room && regions.count(region) == 0) {
      return false;
    }
  }
  return true;
}

inline ClientQuestion question_of(const World& world, const AccountPolicy& policy) {
  return {.policy = &policy,
          .levels = world.levels,
          .arrived_at = world.arrived_at,
          .hint = world.hint,
          .regions = world.regions,
          .pools = world.pools};
}

}  // namespace meridian::residency::testing_support
