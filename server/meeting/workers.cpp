#include "meeting/workers.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace meridian::meeting {

const WorkerPool::Seat* WorkerPool::least_loaded(const RegionId& region) const {
  const Seat* best = nullptr;
  for (const Seat& seat : seats_) {
    if (seat.region == region && (best == nullptr || seat.participants < best->participants)) {
      best = &seat;
    }
  }
  return best;
}

const WorkerPool::Seat* WorkerPool::find(WorkerIndex index) const {
  const auto found = std::ranges::find(seats_, index, &Seat::index);
  return found == seats_.end() ? nullptr : &*found;
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
