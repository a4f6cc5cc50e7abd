#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "forward/commands.hpp"
#include "ice/tuple.hpp"

namespace meridian::node {

/// From where the clients of revoked transports sent: what still comes from there is told apart
/// from strangers' datagrams, counted and reported. It is never read. Bounded, and forgotten after
/// a while.
class RevokedPeers {
 public:
  static constexpr Duration kMemory = 60s;
  static constexpr Duration kReportInterval = 1s;
  /// Transports that are remembered; more are not told apart.
  static constexpr std::size_t kMaxPeers = 4096;

  void add(TransportId transport, const std::vector<ice::Tuple>& tuples, Instant now);
  /// Counts a datagram; false when it is not from a revoked peer. No allocation.
  bool take(const ice::Tuple& from, std::size_t bytes);
  /// The tuple was authenticated anew: by another transport.
  void forget(const ice::Tuple& tuple) {
    if (!tuples_.empty()) {
      tuples_.erase(tuple);
    }
  }
  /// Totals of those that sent since the last report, at most one report in kReportInterval.
  void poll(Instant now, std::vector<forward::Event>& events);
  [[nodiscard]] bool empty() const { return peers_.empty(); }

 private:
  struct Peer {
    Instant until;
    forward::StillSending total;
    std::uint64_t reported = 0;
  };
  std::unordered_map<TransportId, Peer> peers_;
  std::unordered_map<ice::Tuple, TransportId> tuples_;
  Instant next_report_;
};

}  // namespace meridian::node
