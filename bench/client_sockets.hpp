#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
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
#include "support/loss_draw.hpp"

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
  /// Blocks until the upgrade is answered; throws boost::system::system_error. `make_upgrade` is
  /// called when server() is known.
  void connect(const SignalAddress& address, const std::function<Upgrade()>& make_upgrade);
  /// Gives every message to `take` from now on.
  void start(const std::shared_ptr<void>& owner, Take take);
  void send(std::vector<std::uint8_t> message);
  [[nodiscard]] bool is_closed() const { return is_closed_; }
  /// The server's address, once connected; nothing when it isn't one of IPv4.
  [[nodiscard]] std::optional<IpAddress> server() const;
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
  /// From now on datagrams are lost: of those that are read, and of those that are sent.
  void lose(const test::LossDraw& received, const test::LossDraw& sent) {
    lost_received_ = received;
    lost_sent_ = sent;
  }
  /// Datagrams that were, in both directions.
  [[nodiscard]] std::uint64_t lost() const { return lost_; }
  /// Where it is reached: with the address that this machine has for `peer`, or for others when
  /// that isn't known yet; loopback without one.
  [[nodiscard]] SocketAddress local(std::optional<IpAddress> peer = std::nullopt);
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
  test::LossDraw lost_received_{0, 0};
  test::LossDraw lost_sent_{0, 0};
  std::uint64_t lost_ = 0;
};

}  // namespace meridian::bench
