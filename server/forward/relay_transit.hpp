#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "forward/commands.hpp"
#include "metrics/transit.hpp"

namespace meridian::forward {

/// Receiving ends of relays that were closed while frames for them were still in the ring. What is
/// in the ring was counted by the source as sent, so that it has to be counted here as received,
/// although it goes nowhere: only then both ends agree to the byte.
class ClosedSinks {
 public:
  /// After the last frame: the source stops when it reads its own command, and a ring is read in
  /// each turn.
  static constexpr Duration kLinger = 2s;
  /// Beyond it the oldest gives its numbers at once.
  static constexpr std::size_t kMaxSinks = 1024;

  /// `last` is the report of a sink that closes: final, with what it counted so far.
  void add(RelayTransit&& last, std::vector<Event>& events);
  /// Counts a media frame of a sink that is gone; false for publications that it doesn't know.
  bool count(PublicationId publication, WorkerIndex from, std::size_t bytes);
  /// The reports of those from which nothing can come any more.
  void poll(Instant now, std::vector<Event>& events);
  [[nodiscard]] bool empty() const { return sinks_.empty(); }

 private:
  struct Sink {
    RelayTransit report;
    /// Set by the next poll, as frames and closing know no time.
    std::optional<Instant> until;
  };
  std::vector<Sink> sinks_;  // oldest first
};

}  // namespace meridian::forward
