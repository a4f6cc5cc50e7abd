#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <sys/socket.h>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "base/time.hpp"
#include "io/clock.hpp"
#include "io/udp_socket.hpp"
#include "rtp/media.hpp"

/// What the benchmarks of forwarding have in common.
namespace meridian::bench {

inline constexpr std::size_t kRuns = 5;
/// Between the worker's looks at its timers.
inline constexpr Duration kTimers = 10ms;
/// The clients go on answering for their addresses this often.
inline constexpr Duration kConsent = 2500ms;

/// Whether datagrams are thrown away where they would be sent, or received and sent as `io` does.
enum class Output : std::uint8_t { kCore, kSockets };

/// Nanoseconds for each forwarded packet.
struct Cost {
  double packets = 0;
  double timers = 0;
  [[nodiscard]] double total() const { return packets + timers; }
};

[[nodiscard]] inline Duration cpu_time() {
  return io::read_clock(CLOCK_THREAD_CPUTIME_ID);
}

/// What reading the clock itself adds to a measured interval.
[[nodiscard]] inline Duration clock_cost() {
  Duration least = 1s;
  for (int i = 0; i < 1000; ++i) {
    const Duration start = cpu_time();
    least = std::min(least, cpu_time() - start);
  }
  return least;
}

[[nodiscard]] inline io::UdpSocket open_socket() {
  auto opened = io::UdpSocket::open({IpAddress::v4({127, 0, 0, 1}), 0});
  MERIDIAN_CHECK(opened);
  return std::move(*opened);
}

/// Sockets that are never read: their queues are full at once, and then the kernel drops.
class Sinks {
 public:
  /// With `elsewhere` the datagrams go to that address, where nobody needs to listen.
  Sinks(std::size_t count, const std::optional<IpAddress>& elsewhere) {
    constexpr std::uint16_t kFirstPort = 20'000;
    for (std::size_t i = 0; i < count; ++i) {
      if (elsewhere) {
        addresses_.push_back({*elsewhere, static_cast<std::uint16_t>(kFirstPort + i)});
        continue;
      }
      io::UdpSocket socket = open_socket();
      const int least = 1;
      ::setsockopt(socket.descriptor(), SOL_SOCKET, SO_RCVBUF, &least, sizeof least);
      addresses_.push_back(socket.local());
      sockets_.push_back(std::move(socket));
    }
  }
  [[nodiscard]] const std::vector<SocketAddress>& addresses() const { return addresses_; }

 private:
  std::vector<io::UdpSocket> sockets_;
  std::vector<SocketAddress> addresses_;
};

}  // namespace meridian::bench
