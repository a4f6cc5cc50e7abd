#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/time.hpp"
#include "participant.hpp"

/// The sockets of a synthetic participant. Whoever has them is held by `owner` while something is
/// under way, so that it may be let go after close() at any time.
namespace meridian::bench {

/// A WebSocket whose messages are read as they come and written in order.
class SignalSocket {
 public:
  explicit SignalSocket(boost::asio::io_context& context) : socket_(context), context_(context) {}

  struct Upgrade {
    std::string target;
    std::string subprotocol = {};
    bool is_binary = true;
  };
  using Take = std::function<void(Bytes message, Instant now)>;
  /// Blocks until the upgrade is answered; throws boost::system::system_error.
  void connect(const SignalAddress& address, const Upgrade& upgrade);
  /// Gives every message to `take` from now on.
  void start(const std::shared_ptr<void>& owner, Take take);
  void send(std::vector<std::uint8_t> message);
  [[nodiscard]] bool is_closed() const { return is_closed_; }
  void close();

 private:
  void read(const std::shared_ptr<void>& owner);
  void write();

  boost::beast::websocket::stream<boost::asio::ip::tcp::socket> socket_;
  boost::asio::io_context& context_;
  std::weak_ptr<void> owner_;
  Take take_;
  boost::beast::flat_buffer buffer_;
  std::deque<std::vector<std::uint8_t>> writes_;
  bool is_writing_ = false;
  bool is_closed_ = false;
};

/// A UDP socket, bound to a port of the kernel's choice.
class MediaSocket {
 public:
  explicit MediaSocket(boost::asio::io_context& context, Grouping grouping = Grouping::kBursts);

  using Take = std::function<void(Bytes datagram, Instant now)>;
  /// Gives every datagram to `take` from now on, and calls `done` after those that came together.
  void start(const std::shared_ptr<void>& owner, Take take, std::function<void()> done);
  /// Leaves with the next flush().
  void send(const SocketAddress& to, std::vector<std::uint8_t> datagram);
  void flush();
  /// Where it is reached: with the address that this machine has for others, or loopback without
  /// one.
  [[nodiscard]] SocketAddress local();
  void close();

 private:
  void read(const std::shared_ptr<void>& owner);
  void receive();

  struct Waiting {
    SocketAddress to;
    std::vector<std::uint8_t> bytes;
  };

  boost::asio::ip::udp::socket socket_;
  Grouping grouping_;
  std::vector<Waiting> waiting_;
  Take take_;
  std::function<void()> done_;
};

}  // namespace meridian::bench
