#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "io/tcp_queue.hpp"
#include "sim/link.hpp"

namespace meridian::sim {

/// One direction of a TCP connection over a link: what is written arrives in order, and what is
/// lost holds up all that is behind it until it was sent again. Before it stands the queue of the
/// server's own TCP path, which drops media that waits for too long. Each datagram is a segment;
/// the window grows and shrinks as with CUBIC's factors.
///
///   after write() and handle_timeout(): poll() until it is empty.
class StreamLink {
 public:
  /// What the kernel takes beyond what it may send, as TCP_NOTSENT_LOWAT of the server.
  static constexpr std::size_t kUnsentBytes = 8UL * 1024;
  static constexpr std::size_t kSegment = 1448;
  static constexpr double kBackoff = 0.7;
  static constexpr double kMaxWindow = 256.0 * 1024;
  /// Until a segment is sent again whose retransmission was lost, beyond the round trip.
  static constexpr Duration kTimeout = 200ms;
  /// Round trip without queues: twice the link's delay.
  StreamLink(const LinkShape& shape, std::uint64_t seed) : shape_(shape), seed_(seed) {}

  void set_shape(const LinkShape& shape) { shape_ = shape; }
  void write(Bytes datagram, Instant now);
  [[nodiscard]] Instant next_timeout() const {
    return in_flight_.empty() ? Instant::never() : in_flight_.begin()->first;
  }
  void handle_timeout(Instant now);

  struct Arrival {
    Instant at;
    std::vector<std::uint8_t> bytes;
    Duration waited{};  // before it was sent first
  };
  [[nodiscard]] std::optional<Arrival> poll();
  /// The longest that media waited before the kernel took it.
  [[nodiscard]] Duration longest_wait() const { return longest_wait_; }

 private:
  struct Unsent {
    std::vector<std::uint8_t> bytes;
    Instant written;
  };
  struct Segment {
    std::size_t size = 0;
    Instant sent;
    bool was_lost = false;
  };

  void pump(Instant now);
  void fill_kernel(Instant now);
  void send(Unsent unsent, Instant now);
  void acknowledge(const Segment& segment, Instant now);

  LinkShape shape_;
  std::uint64_t seed_;
  std::uint64_t number_ = 0;
  io::TcpQueue queue_;
  std::deque<Unsent> unsent_;
  std::size_t unsent_bytes_ = 0;
  std::multimap<Instant, Segment> in_flight_;  // by when it is acknowledged
  std::size_t in_flight_bytes_ = 0;
  std::deque<Arrival> arrivals_;
  double window_ = 10.0 * kSegment;
  double threshold_ = kMaxWindow;
  Instant recovery_;
  Instant busy_until_;
  Instant last_arrival_;
  Duration longest_wait_{};
};

}  // namespace meridian::sim
