#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "ice/tuple.hpp"
#include "io/egress.hpp"
#include "io/io_counters.hpp"
#include "io/tcp_framing.hpp"
#include "io/tcp_listener.hpp"
#include "io/tcp_queue.hpp"
#include "node/worker.hpp"

namespace meridian::io {

/// Media over TCP (RFC 6544, passive candidates) for the clients of one worker whose networks block
/// UDP. To the worker each packet is a datagram like any other, from the connection's address, on a
/// socket number that no UDP socket has; what the worker sends to such a number comes back here.
///
/// A connection counts as authenticated once the worker sends something over it, since the worker
/// answers only authenticated checks. Until then it may bring little and not stay for long.
/// Everything that is written was asked for at the gate immediately before. A connection whose
/// transport is gone or not permitted any more is reset, so that nothing of it waits in the kernel
/// either. One thread.
class TcpMedia {
 public:
  /// Socket number of the first listener; those of UDP are below it.
  static constexpr std::uint8_t kFirstSocket = 2;
  /// Connections of one worker, those among them that are not authenticated yet, and those from one
  /// address: a classroom or an office is behind one.
  static constexpr std::size_t kMaxConnections = 1024;
  static constexpr std::size_t kMaxStrangers = 256;
  static constexpr std::size_t kMaxPerAddress = 256;
  /// Until the first authenticated check.
  static constexpr Duration kStrangerTime = 10s;
  static constexpr std::size_t kStrangerBytes = 8UL * 1024;
  /// Without a byte from the peer: its checks come every few seconds.
  static constexpr Duration kIdleTime = 35s;
  /// What one connection may bring and take in one turn, and connections that are taken in one.
  static constexpr std::size_t kBytesPerTurn = 64UL * 1024;
  static constexpr std::size_t kBytesPerWrite = 16UL * 1024;
  static constexpr std::size_t kAcceptsPerTurn = 16;
  static constexpr Duration kSweepInterval = 1s;

  TcpMedia(boost::asio::io_context& context, std::span<TcpListener> listeners, SendGate gate,
           IoCounters& counters);
  ~TcpMedia();
  TcpMedia(const TcpMedia&) = delete;
  TcpMedia& operator=(const TcpMedia&) = delete;

  /// Begins to listen.
  void start();
  [[nodiscard]] bool takes(std::uint8_t socket) const {
    return socket >= kFirstSocket && socket < kFirstSocket + listeners_.size();
  }

  /// Takes new connections and what came; true = more waits.
  bool receive(node::Worker& worker, const Now& now);
  /// A datagram to a connection; without one it is lost. Written by flush().
  void send(const transport::OutboundDatagram& datagram, Instant now);
  /// Writes what connections take.
  void flush(Instant now);
  /// Resets the connections whose transports may not send any more; to be called when a policy was
  /// applied, too.
  void enforce(node::Worker& worker, Instant now);
  /// Closes those whose time is over.
  void handle_timeout(node::Worker& worker, Instant now);
  [[nodiscard]] Instant next_timeout() const { return next_sweep_; }

 private:
  struct Connection;
  using Reference = std::shared_ptr<Connection>;
  struct Listener {
    TcpListener* socket = nullptr;
    boost::asio::posix::stream_descriptor descriptor;
    bool is_readable = false;
  };

  void watch_listener(std::size_t index);
  static void watch_readable(const Reference& connection);
  static void watch_writable(const Reference& connection);
  bool accept(std::size_t index, Instant now);
  [[nodiscard]] bool has_room(const IpAddress& from);
  void admit(TcpListener::Accepted accepted, std::uint8_t socket, Instant now);
  bool read(Connection& connection, node::Worker& worker, const Now& now);
  void hand_over(Connection& connection, MutableBytes bytes, node::Worker& worker, const Now& now);
  void hold(const Reference& connection);
  void write(const Reference& connection, Instant now);
  enum class Manner : std::uint8_t { kClose, kReset };
  void end(Connection& connection, Manner manner);

  boost::asio::io_context& context_;
  SendGate gate_;
  IoCounters& counters_;
  std::vector<Listener> listeners_;
  std::unordered_map<ice::Tuple, Reference> connections_;
  std::map<IpAddress, std::size_t> by_address_;
  std::size_t strangers_ = 0;
  /// Of the handlers, which only note what is ready.
  std::vector<Reference> readable_;
  std::vector<Reference> reading_;
  std::vector<Reference> pending_;  // has something to write
  std::vector<Reference> writing_;
  Instant next_sweep_ = Instant::never();
  std::unique_ptr<std::uint8_t[]> buffer_;
  std::unique_ptr<node::InboundDatagram[]> inbound_;
};

}  // namespace meridian::io
