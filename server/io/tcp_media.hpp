#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
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
#include "io/turn_door.hpp"
#include "node/worker.hpp"
#include "turn/server.hpp"

namespace meridian::io {

/// TURN for the worker's clients, or none.
struct TurnService {
  /// Outlives this; null: there is no TURN.
  turn::Server* server = nullptr;
  /// Whether it begins on the listeners, too, beside frames.
  bool is_on_listeners = true;
  /// Through which alone connections from other listeners may send (SO_BINDTODEVICE); empty =
  /// any.
  std::string device = {};
};

/// Media over TCP for the clients of one worker whose networks block UDP: framed (RFC 6544, passive
/// candidates) or, where there is a TURN server, over TURN (RFC 8656), plain or inside TLS. To the
/// worker each packet is a datagram like any other, on a socket number that no UDP socket has, from
/// the connection's address or from that which TURN relays for; what the worker sends to such a
/// number comes back here.
///
/// A connection counts as authenticated once the worker sends something over it, since the worker
/// answers only authenticated checks, or once it has a TURN allocation. Until then it may bring
/// little and not stay for long. Everything that is written was asked for at the gate immediately
/// before. A connection whose transport is gone or not permitted any more is reset, so that nothing
/// of it waits in the kernel either. One thread.
class TcpMedia {
 public:
  /// Socket number of the first listener; those of UDP are below it.
  static constexpr std::uint8_t kFirstSocket = 2;
  /// Of connections that came by another listener, and of what TURN relays.
  static constexpr std::uint8_t kHandedOverSocket = 4;
  static constexpr std::uint8_t kRelayedSocket = 5;
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
  /// Of plaintext, since what is encrypted can't be dropped any more.
  static constexpr std::size_t kBytesPerRecord = 4UL * 1024;
  static constexpr std::size_t kAcceptsPerTurn = 16;
  static constexpr Duration kSweepInterval = 1s;
  /// Packets that are handed to the worker at once.
  static constexpr std::size_t kBatch = 64;

  TcpMedia(boost::asio::io_context& context, std::span<TcpListener> listeners, SendGate gate,
           IoCounters& counters, TurnService turn = {});
  ~TcpMedia();
  TcpMedia(const TcpMedia&) = delete;
  TcpMedia& operator=(const TcpMedia&) = delete;

  /// Begins to listen.
  void start();
  [[nodiscard]] bool takes(std::uint8_t socket) const {
    return socket == kHandedOverSocket || socket == kRelayedSocket ||
           (socket >= kFirstSocket && socket < kFirstSocket + listeners_.size());
  }
  /// Who sends what TURN relays to clients that came by datagrams: to the client, framed. Without
  /// one such datagrams are lost.
  void set_datagrams(StreamSink datagrams) { datagrams_ = datagrams; }

  /// A TURN connection that began at another listener.
  void take(TurnConnection connection, node::Worker& worker, const Now& now);
  /// The worker's transports may have changed: ends the allocations of those who have none any
  /// more, and serves those who waited for one.
  void follow(node::Worker& worker, const Now& now);
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
  Reference admit(TcpListener::Accepted accepted, std::uint8_t socket, Instant now);
  bool read(const Reference& connection, node::Worker& worker, const Now& now);
  [[nodiscard]] bool count_stranger(Connection& connection, std::size_t bytes);
  /// Decrypts what has come and hands it over.
  void decrypt(const Reference& connection, node::Worker& worker, const Now& now);
  void hand_over(const Reference& connection, MutableBytes bytes, node::Worker& worker,
                 const Now& now);
  /// Tells by the first two bytes; false until they have come.
  bool choose_protocol(Connection& connection, Bytes bytes) const;
  void hand_over_frames(Connection& connection, MutableBytes bytes, node::Worker& worker,
                        const Now& now);
  void hand_over_turn(const Reference& connection, MutableBytes bytes, node::Worker& worker,
                      const Now& now);
  /// One TURN message; what it brings for the worker goes into `inbound_`.
  void take_message(const Reference& connection, MutableBytes message, const Now& now);
  void pass(node::Worker& worker, const Now& now);
  void prove(Connection& connection);
  void malformed(Connection& connection);
  void send_relayed(const transport::OutboundDatagram& datagram, Instant now);
  void send_in_datagram(const transport::OutboundDatagram& datagram,
                        const turn::Server::Frame& frame);
  void push(const Reference& connection, const TcpQueue::Framed& framed, Instant now);
  void hold(const Reference& connection);
  void write(const Reference& connection, Instant now);
  /// Sends what it can of these bytes; how much, nothing when the connection is over or full.
  std::size_t send_some(const Reference& connection, Bytes bytes);
  /// Whether no ciphertext waits any more.
  [[nodiscard]] bool flush_session(const Reference& connection);
  [[nodiscard]] bool may_write(const Connection& connection) const;
  void end_allocations(Instant now);
  enum class Manner : std::uint8_t { kClose, kReset };
  void end(Connection& connection, Manner manner);

  boost::asio::io_context& context_;
  SendGate gate_;
  IoCounters& counters_;
  const TurnService turn_service_;
  turn::Server* const turn_;
  StreamSink datagrams_;
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
  std::size_t inbound_count_ = 0;
  /// Plaintext of a TLS record.
  std::unique_ptr<std::uint8_t[]> plain_;
  /// Whose Allocate waits for a transport.
  std::vector<Reference> parked_;
};

}  // namespace meridian::io
