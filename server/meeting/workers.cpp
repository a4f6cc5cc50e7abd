#include "meeting/workers.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace meridian::meeting {

const WorkerPool::Seat* WorkerPool::choose(const RegionId& region,
                                           const PeopleByWorker& room) const {
  std::vector<Place> places;
  std::size_t people_per_worker = 0;
  for (const Seat& seat : seats_) {
    if (seat.region != region) {
      continue;
    }
    const auto of_room = room.find(seat.index);
    places.push_back(
        {.worker = seat.index,
         .level = seat.load.level,
         // What a worker told before everybody left it doesn't correct while it sleeps.
         .share = seat.participants > 0 ? seat.load.share : 0,
         .participants = seat.participants,
         .of_room = of_room != room.end() ? of_room->second : 0});
    people_per_worker = seat.people_per_worker;  // the same for all of a region
  }
  const Place* place = choose_place(places, people_per_worker);
  return place != nullptr ? find(place->worker) : nullptr;
}

bool WorkerPool::has_worker(const RegionId& region) const {
  return std::ranges::any_of(seats_, [&](const Seat& seat) { return seat.region == region; });
}

const WorkerPool::Seat* WorkerPool::find(WorkerIndex index) const {
  const auto found = std::ranges::find(seats_, index, &Seat::index);
  return found == seats_.end() ? nullptr : &*found;
}

void WorkerPool::set_load(WorkerIndex index, const forward::WorkerLoad& load) {
  const auto found = std::ranges::find(seats_, index, &Seat::index);
  MERIDIAN_CHECK(found != seats_.end());
  found->load = load;
}

forward::LoadLevel WorkerPool::load(const RegionId& region) const {
  auto calmest = forward::LoadLevel::kFull;
  for (const Seat& seat : seats_) {
    calmest = seat.region == region ? std::min(calmest, seat.load.level) : calmest;
  }
  return calmest;
}

forward::LoadLevel WorkerPool::load() const {
  auto calmest = forward::LoadLevel::kFull;
  for (const Seat& seat : seats_) {
    calmest = std::min(calmest, seat.load.level);
  }
  return calmest;
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
