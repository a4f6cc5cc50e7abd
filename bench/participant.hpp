#pragma once

#include <cstdint>
#include <string>

#include "base/time.hpp"
#include "support/media_session.hpp"

namespace meridian::bench {

/// Where the signalling of a server is; plain WebSocket only.
struct SignalAddress {
  std::string host;
  std::uint16_t port = 0;
};

/// Whether datagrams of one size that are sent together cross loopback together: as bursts they
/// leave as one message (UDP_SEGMENT) and are read as such (UDP_GRO), as network cards do on both
/// sides of a real network. Single ones are cut by the kernel, on the server's account when the
/// server sent them, and wake the server one by one.
enum class Grouping : std::uint8_t { kBursts, kSingle };

/// Somebody synthetic in a meeting, whatever the server's signalling, with a WebSocket and a UDP
/// socket for each connection of its own. All of them run on the thread of one io_context.
class Participant {
 public:
  virtual ~Participant() = default;

  /// Opens the WebSocket and asks to join. Blocks until the upgrade is answered; what fails is
  /// thrown as boost::system::system_error, with the server's HTTP status when it refused.
  virtual void connect(const SignalAddress& address) = 0;
  /// To be called every few milliseconds.
  virtual void handle_timeout(Instant now) = 0;
  /// Leaves the meeting properly.
  virtual void leave() = 0;

  /// What sends, and what receives: the same where one connection does both.
  [[nodiscard]] virtual const test::MediaSession& sender() const = 0;
  [[nodiscard]] virtual const test::MediaSession& receiver() const = 0;
  /// Datagrams that were lost on purpose.
  [[nodiscard]] virtual std::uint64_t dropped() const = 0;
  /// The server ended it, or refused something that matters.
  [[nodiscard]] virtual bool is_closed() const = 0;
  /// From connect() until media could flow; zero before.
  [[nodiscard]] virtual Duration join_time() const = 0;
};

}  // namespace meridian::bench
