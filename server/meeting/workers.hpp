#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/ids.hpp"
#include "config/config.hpp"
#include "forward/commands.hpp"
#include "meeting/placement.hpp"

namespace meridian::meeting {

/// The workers of this node and how many participants each serves. A participant stays on its
/// worker for as long as its session lives.
class WorkerPool {
 public:
  struct Seat {
    WorkerIndex index;
    RegionId region;
    /// The ICE candidates of its clients.
    std::vector<SocketAddress> advertised;
    std::size_t participants = 0;
    /// As it last told.
    forward::WorkerLoad load = {};
    /// Those over TCP, which come after the others.
    std::vector<SocketAddress> advertised_tcp = {};
    /// Where its clients reach TURN on this node, and other servers of the operator's in its
    /// region.
    std::vector<std::string> turn_urls = {};
    std::vector<config::TurnServer> turn_servers = {};
    /// So many people of one room it takes before the room goes on to the next worker of the
    /// region: config::Pool::people_per_worker.
    std::size_t people_per_worker = config::Pool{}.people_per_worker;
  };

  explicit WorkerPool(std::vector<Seat> seats) : seats_(std::move(seats)) {}

  /// The worker of that region for one more person of a room that has so many people on each
  /// worker: see choose_place(). Null when the region has none.
  [[nodiscard]] const Seat* choose(const RegionId& region, const PeopleByWorker& room) const;
  [[nodiscard]] bool has_worker(const RegionId& region) const;
  /// Null for an index that isn't ours.
  [[nodiscard]] const Seat* find(WorkerIndex index) const;
  void set_load(WorkerIndex index, const forward::WorkerLoad& load);
  /// The lowest level of a region's workers; kFull when it has none.
  [[nodiscard]] forward::LoadLevel load(const RegionId& region) const;
  /// The lowest level of all workers.
  [[nodiscard]] forward::LoadLevel load() const;
  void add_participant(WorkerIndex index);
  void remove_participant(WorkerIndex index);
  [[nodiscard]] std::size_t participants(const RegionId& region) const;
  [[nodiscard]] const std::vector<Seat>& seats() const { return seats_; }

 private:
  std::vector<Seat> seats_;
};

}  // namespace meridian::meeting
