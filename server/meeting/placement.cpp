#include "meeting/placement.hpp"

#include <algorithm>
#include <cstdint>
#include <tuple>

namespace meridian::meeting {
namespace {

/// In the order in which they are preferred.
enum class Standing : std::uint8_t {
  kOpen,    // the room is here, and has room to grow
  kUnused,  // the room is not here
  kCrowded,
};

Standing standing_of(const Place& place, std::size_t people_per_worker) {
  if (place.of_room == 0) {
    return Standing::kUnused;
  }
  return place.of_room < people_per_worker ? Standing::kOpen : Standing::kCrowded;
}

int steps_of(float share) {
  return static_cast<int>(std::clamp(share, 0.0F, 1.0F) / kShareStep);
}

}  // namespace

const Place* choose_place(std::span<const Place> places, std::size_t people_per_worker) {
  const auto order = [&](const Place& place) {
    return std::tuple(place.level, standing_of(place, people_per_worker), place.of_room,
                      steps_of(place.share), place.participants);
  };
  const auto best = std::ranges::min_element(places, {}, order);
  return best == places.end() ? nullptr : &*best;
}

}  // namespace meridian::meeting
