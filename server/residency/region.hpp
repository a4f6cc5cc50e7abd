#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/ids.hpp"

namespace meridian::residency {

using RegionSet = std::set<RegionId>;

/// Degrees; north and east are positive.
struct Coordinates {
  double latitude = 0;
  double longitude = 0;
  friend bool operator==(const Coordinates&, const Coordinates&) = default;
};

/// A place that the operator runs.
struct Region {
  RegionId id;
  std::string name;
  /// Tags such as `uk` or `eu`.
  std::vector<std::string> jurisdictions;
  Coordinates coordinates;
  /// Public base URL of its signalling, `wss://…` or `ws://…`, without a trailing slash.
  std::string url;
  friend bool operator==(const Region&, const Region&) = default;
};

/// Great-circle distance in kilometres on a sphere of the Earth's mean radius.
[[nodiscard]] double distance_km(Coordinates a, Coordinates b);

/// The regions of `regions` that are in `wanted`, nearest to `from` first; `from` itself comes
/// first when it is wanted. Ties, and a `from` that isn't among the regions, fall back to id order.
[[nodiscard]] std::vector<RegionId> nearest_first(std::span<const Region> regions,
                                                  const RegionSet& wanted, const RegionId& from);

/// What placement knows of one worker pool. Liveness comes from the node that owns it.
struct PoolState {
  RegionId region;
  enum class Liveness : std::uint8_t { kDown, kLive, kDraining } liveness = Liveness::kDown;
  /// Participants that it can still take.
  std::uint32_t free = 0;
  friend bool operator==(const PoolState&, const PoolState&) = default;
};

}  // namespace meridian::residency
