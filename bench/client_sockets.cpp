#include "client_sockets.hpp"

#include <array>
#include <sys/socket.h>
#include <utility>

#include <boost/asio/connect.hpp>

#include "io/clock.hpp"
#include "io/udp_socket.hpp"

namespace meridian::bench {
namespace asio = boost::asio;
namespace websocket = boost::beast::websocket;
using asio::ip::tcp;
using asio::ip::udp;

// ---- Signalling --------------------------------------------------------------------------------

void SignalSocket::connect(const SignalAddress& address, const Upgrade& upgrade) {
  tcp::resolver resolver(context_);
  asio::connect(socket_.next_layer(), resolver.resolve(address.host, std::to_string(address.port)));
  socket_.next_layer().set_option(tcp::no_delay(true));
  socket_.binary(upgrade.is_binary);
  if (!upgrade.subprotocol.empty()) {
    socket_.set_option(
        websocket::stream_base::decorator([&upgrade](websocket::request_type& request) {
          request.set(boost::beast::http::field::sec_websocket_protocol, upgrade.subprotocol);
        }));
  }
  socket_.handshake(address.host + ":" + std::to_string(address.port), upgrade.target);
}

void SignalSocket::start(const std::shared_ptr<void>& owner, Take take) {
  owner_ = owner;
  take_ = std::move(take);
  read(owner);
}

void SignalSocket::read(const std::shared_ptr<void>& owner) {
  socket_.async_read(buffer_, [this, owner](boost::system::error_code error, std::size_t) {
    if (error) {
      is_closed_ = true;
      return;
    }
    const auto data = buffer_.data();
    take_({static_cast<const std::uint8_t*>(data.data()), data.size()}, io::monotonic_now());
    buffer_.consume(buffer_.size());
    read(owner);
  });
}

void SignalSocket::send(std::vector<std::uint8_t> message) {
  writes_.push_back(std::move(message));
  write();
}

void SignalSocket::write() {
  const auto owner = owner_.lock();
  if (is_writing_ || writes_.empty() || is_closed_ || !owner) {
    return;
  }
  is_writing_ = true;
  socket_.async_write(asio::buffer(writes_.front()),
                      [this, owner](boost::system::error_code error, std::size_t) {
                        is_writing_ = false;
                        is_closed_ = is_closed_ || error.failed();
                        writes_.pop_front();
                        write();
                      });
}

void SignalSocket::close() {
  boost::system::error_code ignored;
  socket_.next_layer().close(ignored);
}

// ---- Media -------------------------------------------------------------------------------------

MediaSocket::MediaSocket(asio::io_context& context)
    : socket_(context, udp::endpoint(udp::v4(), 0)) {
  constexpr int kBuffer = 1 << 20;
  socket_.non_blocking(true);
  // Beyond the machine's limit only for root.
  if (::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVBUFFORCE, &kBuffer, sizeof kBuffer) !=
      0) {
    socket_.set_option(asio::socket_base::receive_buffer_size(kBuffer));
  }
}

void MediaSocket::start(const std::shared_ptr<void>& owner, Take take, std::function<void()> done) {
  take_ = std::move(take);
  done_ = std::move(done);
  read(owner);
}

void MediaSocket::read(const std::shared_ptr<void>& owner) {
  socket_.async_wait(udp::socket::wait_read, [this, owner](boost::system::error_code error) {
    if (error) {
      return;
    }
    receive();
    done_();
    read(owner);
  });
}

void MediaSocket::receive() {
  constexpr std::size_t kMessages = 32;
  constexpr std::size_t kSize = 2048;
  // All clients run on one thread: one place for all of them to read into.
  thread_local std::array<std::array<std::uint8_t, kSize>, kMessages> buffers;
  std::array<iovec, kMessages> places{};
  std::array<mmsghdr, kMessages> messages{};
  for (std::size_t i = 0; i < kMessages; ++i) {
    places[i] = {.iov_base = buffers[i].data(), .iov_len = kSize};
    messages[i].msg_hdr.msg_iov = &places[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  int count = 0;
  do {
    count = ::recvmmsg(socket_.native_handle(), messages.data(), kMessages, MSG_DONTWAIT, nullptr);
    const Instant now = io::monotonic_now();
    for (int i = 0; i < count; ++i) {
      const auto index = static_cast<std::size_t>(i);
      take_(Bytes(buffers[index]).first(messages[index].msg_len), now);
    }
  } while (count == static_cast<int>(kMessages));
}

void MediaSocket::send(const SocketAddress& to, Bytes datagram) {
  sockaddr_storage address{};
  const socklen_t length = io::to_sockaddr(to, address);
  ::sendto(socket_.native_handle(), datagram.data(), datagram.size(), MSG_DONTWAIT,
           reinterpret_cast<const sockaddr*>(&address), length);
}

SocketAddress MediaSocket::local() {
  // Connecting UDP sends nothing, it only finds the way out (an address of documentation, RFC
  // 5737).
  udp::socket probe(socket_.get_executor());
  boost::system::error_code error;
  probe.open(udp::v4(), error);
  probe.connect({asio::ip::make_address_v4("198.51.100.1"), 9}, error);
  const auto own =
      error ? asio::ip::address_v4::loopback() : probe.local_endpoint(error).address().to_v4();
  return {IpAddress::v4(own.to_bytes()), socket_.local_endpoint().port()};
}

void MediaSocket::close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

}  // namespace meridian::bench
