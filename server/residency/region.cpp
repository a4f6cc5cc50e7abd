#include "residency/region.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

namespace meridian::residency {
namespace {

constexpr double kEarthRadiusKm = 6371.0088;  // IUGG mean radius

double radians(double degrees) {
  return degrees * std::numbers::pi / 180.0;
}

}  // namespace

double distance_km(Coordinates a, Coordinates b) {
  // Haversine: exact enough at every distance, unlike the law of cosines for near points.
  const double half_latitude = std::sin(radians(b.latitude - a.latitude) / 2);
  const double half_longitude = std::sin(radians(b.longitude - a.longitude) / 2);
  const double h = half_latitude * half_latitude + std::cos(radians(a.latitude)) *
                                                       std::cos(radians(b.latitude)) *
                                                       half_longitude * half_longitude;
  return 2 * kEarthRadiusKm * std::asin(std::sqrt(std::min(1.0, h)));
}

std::vector<RegionId> nearest_first(std::span<const Region> regions, const RegionSet& wanted,
                                    const RegionId& from) {
  const auto origin = std::ranges::find(regions, from, &Region::id);
  std::vector<std::pair<double, RegionId>> found;
  for (const Region& region : regions) {
    if (!wanted.contains(region.id)) {
      continue;
    }
    double distance = 0;
    if (origin != regions.end() && region.id != from) {
      distance = distance_km(origin->coordinates, region.coordinates);
    }
    // `from` comes before another region at the same place.
    found.emplace_back(region.id == from ? -1 : distance, region.id);
  }
  std::ranges::sort(found);
  std::vector<RegionId> ordered;
  ordered.reserve(found.size());
  for (auto& [distance, id] : found) {
    ordered.push_back(std::move(id));
  }
  return ordered;
}

}  // namespace meridian::residency
