#pragma once

#include <cstddef>
#include <map>
#include <span>

#include "base/ids.hpp"
#include "forward/commands.hpp"

namespace meridian::meeting {

/// How many people of a room each worker serves; only those that serve any.
using PeopleByWorker = std::map<WorkerIndex, std::size_t>;

/// A worker of the region that somebody joins in, as placement sees it.
struct Place {
  WorkerIndex worker;
  /// As it last told of itself: see forward::WorkerLoad.
  forward::LoadLevel level = forward::LoadLevel::kNormal;
  float share = 0;
  /// People whom it serves, of all rooms.
  std::size_t participants = 0;
  /// Of these, those of the room that is joined.
  std::size_t of_room = 0;
};

/// Chooses the worker for one more person of a room; the first one of equals, null when there is
/// none to choose from. In this order:
///
///   1. The worker with the lowest level: whoever sheds load gets nobody while others don't.
///   2. A worker that has people of the room, but fewer than `people_per_worker`: who is on one
///      worker with everybody else costs no relay. Of several the one that has the fewest, so that
///      they fill evenly.
///   3. A worker that has nobody of the room: the least loaded.
///   4. When all have as many as that, the one that has the fewest of the room.
///
/// Least loaded is who computes the smallest part of its core, in steps of kShareStep, and of those
/// who has the fewest people: small differences pass, and who has just come isn't measured yet.
/// Pure; looks at each place once.
[[nodiscard]] const Place* choose_place(std::span<const Place> places,
                                        std::size_t people_per_worker);

/// Parts of a core that differ by less count as equal.
inline constexpr float kShareStep = 0.1F;

}  // namespace meridian::meeting
