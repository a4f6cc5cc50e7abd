#pragma once

#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"

namespace meridian::node {

/// When each room wants to be looked at, so that a turn costs what its own rooms cost, and not a
/// look at all of them. One entry for each room that has a time.
class RoomTimeouts {
 public:
  /// never() for a room that waits for nothing.
  void set(RoomNumber room, Instant at) {
    const auto found = times_.find(room);
    if (found != times_.end()) {
      if (found->second == at) {
        return;
      }
      order_.erase({found->second, room});
      times_.erase(found);
    }
    if (!at.is_never()) {
      times_.emplace(room, at);
      order_.emplace(at, room);
    }
  }
  void erase(RoomNumber room) { set(room, Instant::never()); }
  [[nodiscard]] Instant next() const {
    return order_.empty() ? Instant::never() : order_.begin()->first;
  }
  /// Rooms whose time has come, the earliest first.
  [[nodiscard]] std::vector<RoomNumber> due(Instant now) const {
    std::vector<RoomNumber> rooms;
    for (const auto& [at, room] : order_) {
      if (at > now) {
        break;
      }
      rooms.push_back(room);
    }
    return rooms;
  }

 private:
  std::set<std::pair<Instant, RoomNumber>> order_;
  std::unordered_map<RoomNumber, Instant> times_;
};

}  // namespace meridian::node
