#include "meeting/workers.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"

namespace meridian::meeting {

const WorkerPool::Seat* WorkerPool::least_loaded(const RegionId& region) const {
  const Seat* best = nullptr;
  const auto order = [](const Seat& seat) { return std::pair(seat.load, seat.participants); };
  for (const Seat& seat : seats_) {
    if (seat.region == region && (best == nullptr || order(seat) < order(*best))) {
      best = &seat;
    }
  }
  return best;
}

const WorkerPool::Seat* WorkerPool::find(WorkerIndex index) const {
  const auto found = std::ranges::find(seats_, index, &Seat::index);
  return found == seats_.end() ? nullptr : &*found;
}

void WorkerPool::set_load(WorkerIndex index, forward::LoadLevel load) {
  const auto found = std::ranges::find(seats_, index, &Seat::index);
  MERIDIAN_CHECK(found != seats_.end());
  found->load = load;
}

forward::LoadLevel WorkerPool::load(const RegionId& region) const {
  const Seat* calmest = least_loaded(region);
  return calmest != nullptr ? calmest->load : forward::LoadLevel::kFull;
}

forward::LoadLevel WorkerPool::load() const {
  const auto calmest = std::ranges::min_element(seats_, {}, &Seat::load);
  return calmest != seats_.end() ? calmest->load : forward::LoadLevel::kFull;
}

void WorkerPool::add_participant(WorkerIndex index) {
  const auto found = std::ranges::find(seats_, index, &Seat::index);
  MERIDIAN_CHECK(found != seats_.end());
  ++found->participants;
}

void WorkerPool::remove_participant(WorkerIndex index) {
  const auto found = std::ranges::find(seats_, index, &Seat::index);
  MERIDIAN_CHECK(found != seats_.end() && found->participants > 0);
  --found->participants;
}

std::size_t WorkerPool::participants(const RegionId& region) const {
  std::size_t count = 0;
  for (const Seat& seat : seats_) {
    count += seat.region == region ? seat.participants : 0;
  }
  return count;
}

}  // namespace meridian::meeting
