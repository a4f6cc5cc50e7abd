#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/random.hpp"
#include "base/time.hpp"
#include "config/config.hpp"
#include "forward/commands.hpp"
#include "forward/relay.hpp"
#include "transport/send_batch.hpp"

namespace meridian::dtls {
class Certificate;
}
namespace meridian::residency {
class PolicyGeneration;
}
namespace meridian::metrics {
struct WorkerCounters;
}

namespace meridian::node {

/// One datagram as the kernel gave it. The bytes are decrypted in place.
struct InboundDatagram {
  MutableBytes bytes;
  SocketAddress from;
  /// Which of the worker's sockets it came in on (0: IPv4, 1: IPv6).
  std::uint8_t socket = 0;
  /// Kernel receive time, on the clock of Now::monotonic.
  Instant received;
  /// Over whose TURN allocation it came; nothing when it came over none.
  TransportId relayed_for = {};
};

/// What a worker shares with the rest of its node; everything referred to outlives it.
struct WorkerConfig {
  /// Workers of one node; also the width of the wake-up mask.
  static constexpr std::size_t kMaxWorkers = config::kMaxWorkers;
  /// Slots of one relay ring: a burst of key frames of a busy room, 1.7 MB.
  static constexpr std::size_t kRelayRingSlots = 1024;
  /// Steps of DTLS handshakes in one turn of the loop: each signs or verifies, and takes as long as
  /// a few hundred packets of media, which wait for the turn to end.
  static constexpr std::size_t kHandshakesPerTurn = 2;

  WorkerIndex index;
  RegionId region;
  /// The node's, shared read-only by all workers.
  const dtls::Certificate& certificate;
  const residency::PolicyGeneration& policy;
  RandomSource& random;
  metrics::WorkerCounters& counters;
  /// By index of the other worker: rings that it writes and we read, and the reverse; at our own
  /// index the one by which a room's tracks are forwarded to another room here. Null for workers to
  /// which there is no relay.
  std::vector<forward::RelayRing*> relays_in;
  std::vector<forward::RelayRing*> relays_out;
  /// DTLS handshakes that this worker has at once: its share of config::Limits::dtls_handshakes.
  std::size_t max_handshakes = 512;
};

/// One worker: the transports of its participants, and the shards of the rooms that they are in.
/// Sans-I/O and single-threaded; shares nothing but the relay rings and one read-only policy
/// generation. A turn of its loop, in `io` or in the simulator:
///
///   worker.handle_datagrams(batch, now);          // what recvmmsg gave
///   for (auto& c : mailbox.drain()) worker.handle_command(std::move(c), now);
///   worker.handle_relay(now);                     // when a peer woke us, or simply each turn
///   worker.handle_timeout(now);                   // when next_timeout() is due
///   output.flush();                               // asks may_send() for each datagram, and tells
///                                                 // handle_sent() of each that left
///   worker.handle_handshakes(now);                // after the media; then flush again
///   if (worker.undrained()) …                     // see there
///   for (each bit of worker.take_wakes()) wake that worker
///   hand worker.take_events() to the control thread
///
/// handle_datagrams, handle_relay and handle_timeout neither lock, log nor throw, and allocate
/// nothing once streams run, unless they have an event for the control thread; commands may.
class Worker {
 public:
  Worker(WorkerConfig config, transport::SendBatch& output);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void handle_datagrams(std::span<const InboundDatagram> batch, Now now);
  void handle_command(forward::Command&& command, Now now);
  /// Drains the inbound relay rings, up to a bound for one turn; true = more waits.
  bool handle_relay(Now now);
  void handle_timeout(Now now);
  /// Goes on with at most kHandshakesPerTurn DTLS handshakes; true = more wait.
  bool handle_handshakes(Now now);
  /// How busy this worker is, as a LoadMeter on its thread found: sheds what belongs to that, and
  /// tells the control thread.
  void handle_load(const forward::WorkerLoad& load);
  /// When handle_timeout() wants to be called next; never() without transports.
  [[nodiscard]] Instant next_timeout() const;

  /// The policy check immediately before the send call: whether a datagram of this transport may
  /// still leave. O(1), no lock; false for unknown and closed transports, for all of them from when
  /// the policy moves until this worker was given the new one (forward::ApplyPolicy), and for those
  /// of restricted accounts when the node's lease has run out at `now`.
  [[nodiscard]] bool may_send(TransportId transport, Instant now);
  /// Whether that participant has a permitted transport here, so that TURN may serve it. O(1).
  [[nodiscard]] bool may_relay(TransportId participant) const;
  /// Whether this worker was given the policy as it now is; until then may_send() is false for all.
  [[nodiscard]] bool is_policy_current() const;
  /// The datagram has been handed to the network: counted for transit reports.
  void handle_sent(TransportId transport, Bytes datagram);

  /// The generation that was applied last, while its barrier stands: what was handed to the system
  /// before may still leave. `io` looks each turn, and calls handle_drained() once it has left;
  /// then forward::PolicyApplied is among the events.
  [[nodiscard]] std::optional<std::uint64_t> undrained() const;
  void handle_drained(std::uint64_t generation);

  /// Bit i = worker i has frames from us in its ring since the last call.
  [[nodiscard]] std::uint64_t take_wakes();
  /// In order. Empty most of the time, and then without allocation.
  [[nodiscard]] std::vector<forward::Event> take_events();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace meridian::node
