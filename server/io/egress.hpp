#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "base/spsc_ring.hpp"
#include "io/io_counters.hpp"
#include "io/peer_order.hpp"
#include "io/send_call.hpp"
#include "io/udp_socket.hpp"
#include "metrics/worker_counters.hpp"
#include "transport/send_batch.hpp"

namespace meridian::io {

/// The last gate: asks for the datagrams of each transport, immediately before the system call that
/// would send them, whether it may still send at `now`, and tells of each datagram that was handed
/// to the network.
struct SendGate {
  bool (*may_send)(void* context, TransportId transport, Instant now) = nullptr;
  void (*handle_sent)(void* context, TransportId transport, Bytes datagram) = nullptr;
  void* context = nullptr;
};

/// Who takes the datagrams for connections: those with socket numbers that no UDP socket has.
struct StreamSink {
  void (*send)(void* context, const transport::OutboundDatagram& datagram) = nullptr;
  void* context = nullptr;
};

/// Sends a worker's batches over its sockets, peer by peer. What a full socket doesn't take waits
/// in a bounded backlog, is checked again before it is sent, and goes first. One thread, no
/// allocation.
class Egress {
 public:
  /// Datagrams that may wait for one socket: about 20 ms of 1 Gbit/s.
  static constexpr std::size_t kMaxBacklog = 2048;

  /// `sockets` by OutboundDatagram::socket, all referred to outlive it.
  Egress(std::span<UdpSocket> sockets, SendGate gate, metrics::WorkerCounters& worker_counters,
         IoCounters& counters);

  /// To be called before the first send(), if there is one.
  void set_streams(StreamSink streams) { streams_ = streams; }

  /// Sends the batch; whatever can't be sent now is kept or counted.
  void send(std::span<const transport::OutboundDatagram> batch);
  /// Whether this socket is to be watched for writability.
  [[nodiscard]] bool has_backlog(std::size_t socket) const { return lanes_[socket].waiting > 0; }
  /// Payload bytes that the kernel took for this socket since the start.
  [[nodiscard]] std::uint64_t handed_over(std::size_t socket) const {
    return lanes_[socket].handed_over;
  }
  /// The socket is writable: sends of its backlog what it takes.
  void handle_writable(std::size_t socket);

 private:
  struct Waiting {
    transport::OutboundDatagram datagram;  // of the bytes below
    std::array<std::uint8_t, transport::SendBatch::kSlotSize> bytes;
  };
  struct Lane {
    base::SpscRing<Waiting> backlog{kMaxBacklog};
    std::size_t waiting = 0;
    std::uint64_t handed_over = 0;
  };
  using Datagrams = std::span<const transport::OutboundDatagram* const>;

  void send_to(std::size_t socket, Datagrams datagrams);
  /// One call with what fits from the front.
  struct Step {
    std::size_t done = 0;  // sent, refused or forbidden
    bool would_block = false;
  };
  Step send_some(std::size_t socket, Datagrams datagrams);
  std::size_t fill(UdpSocket& socket, Datagrams datagrams, Instant now);
  void record(Lane& lane, const UdpSocket::Sent& result);
  void keep(std::size_t socket, const transport::OutboundDatagram& datagram);
  void record_sent(Lane& lane, const transport::OutboundDatagram& datagram, Instant now);

  std::span<UdpSocket> sockets_;
  SendGate gate_;
  StreamSink streams_;
  metrics::WorkerCounters& worker_counters_;
  IoCounters& counters_;
  std::unique_ptr<Lane[]> lanes_;
  PeerOrder order_;
  SendCall call_;
  std::array<const transport::OutboundDatagram*, SendCall::kMaxDatagrams> oldest_{};
  /// Whose datagrams are in the call.
  std::array<const transport::OutboundDatagram*, SendCall::kMaxDatagrams> sources_{};
};

}  // namespace meridian::io
