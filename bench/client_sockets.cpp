#include "client_sockets.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <netinet/udp.h>
#include <span>
#include <sys/socket.h>
#include <utility>

#include <boost/asio/connect.hpp>

#include "io/clock.hpp"
#include "io/send_call.hpp"
#include "io/udp_socket.hpp"

namespace meridian::bench {
namespace asio = boost::asio;
namespace websocket = boost::beast::websocket;
using asio::ip::tcp;
using asio::ip::udp;

// ---- Signalling --------------------------------------------------------------------------------

void SignalSocket::connect(const SignalAddress& address,
                           const std::function<Upgrade()>& make_upgrade) {
  tcp::resolver resolver(context_);
  asio::connect(socket_.next_layer(), resolver.resolve(address.host, std::to_string(address.port)));
  socket_.next_layer().set_option(tcp::no_delay(true));
  const Upgrade upgrade = make_upgrade();
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

std::optional<IpAddress> SignalSocket::server() const {
  boost::system::error_code error;
  const auto address = socket_.next_layer().remote_endpoint(error).address();
  if (error || !address.is_v4()) {
    return std::nullopt;
  }
  return IpAddress::v4(address.to_v4().to_bytes());
}

void SignalSocket::close() {
  boost::system::error_code ignored;
  socket_.next_layer().close(ignored);
}

// ---- Media -------------------------------------------------------------------------------------

namespace {

constexpr std::size_t kMessages = 32;

/// Where recvmmsg puts what came.
struct Places {
  static constexpr std::size_t kSize = 65'536;
  static constexpr std::size_t kControlSize = 64;

  void prepare() {
    for (std::size_t i = 0; i < kMessages; ++i) {
      vectors[i] = {.iov_base = bytes.get() + i * kSize, .iov_len = kSize};
      messages[i].msg_hdr = {};
      messages[i].msg_hdr.msg_iov = &vectors[i];
      messages[i].msg_hdr.msg_iovlen = 1;
      messages[i].msg_hdr.msg_control = control[i].data();
      messages[i].msg_hdr.msg_controllen = kControlSize;
    }
  }
  [[nodiscard]] Bytes message(std::size_t index) const {
    return {bytes.get() + index * kSize, messages[index].msg_len};
  }
  /// Of each datagram in a message, but for the last, which may be shorter.
  [[nodiscard]] std::size_t datagram_size(std::size_t index) {
    msghdr& header = messages[index].msg_hdr;
    for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
      int size = 0;
      if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
        std::memcpy(&size, CMSG_DATA(c), sizeof size);
        return static_cast<std::size_t>(std::max(size, 1));
      }
    }
    return kSize;
  }

  std::unique_ptr<std::uint8_t[]> bytes =
      std::make_unique_for_overwrite<std::uint8_t[]>(kMessages * kSize);
  std::array<iovec, kMessages> vectors{};
  std::array<mmsghdr, kMessages> messages{};
  alignas(cmsghdr) std::array<std::array<std::uint8_t, kControlSize>, kMessages> control{};
};

/// Of a message: less than what a message may be long, with datagrams of any size.
constexpr std::size_t kMostSegments = 16;

/// Datagrams of one size to one address, which the kernel cuts out of one message.
void send_message(int socket, const auto& datagrams) {
  std::array<iovec, kMostSegments> vectors{};
  for (std::size_t i = 0; i < datagrams.size(); ++i) {
    auto& bytes = datagrams[i].bytes;
    vectors[i] = {.iov_base = bytes.data(), .iov_len = bytes.size()};
  }
  sockaddr_storage address{};
  msghdr header{};
  header.msg_name = &address;
  header.msg_namelen = io::to_sockaddr(datagrams.front().to, address);
  header.msg_iov = vectors.data();
  header.msg_iovlen = datagrams.size();
  alignas(cmsghdr) std::array<std::uint8_t, io::SendCall::kControlSize> control{};
  if (datagrams.size() > 1) {
    io::SendCall::set_segment_size(header, control, datagrams.front().bytes.size());
  }
  ::sendmsg(socket, &header, MSG_DONTWAIT);
}

}  // namespace

MediaSocket::MediaSocket(asio::io_context& context, Grouping grouping)
    : socket_(context, udp::endpoint(udp::v4(), 0)), grouping_(grouping) {
  constexpr int kBuffer = 1 << 20;
  socket_.non_blocking(true);
  // Beyond the machine's limit only for root.
  if (::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVBUFFORCE, &kBuffer, sizeof kBuffer) !=
      0) {
    socket_.set_option(asio::socket_base::receive_buffer_size(kBuffer));
  }
  if (grouping == Grouping::kBursts) {
    constexpr int kOn = 1;
    ::setsockopt(socket_.native_handle(), SOL_UDP, UDP_GRO, &kOn, sizeof kOn);
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
  // All clients run on one thread: one place for all of them to read into.
  thread_local Places places;
  int count = 0;
  do {
    places.prepare();
    count = ::recvmmsg(socket_.native_handle(), places.messages.data(), kMessages, MSG_DONTWAIT,
                       nullptr);
    const Instant now = io::monotonic_now();
    for (int i = 0; i < count; ++i) {
      const auto index = static_cast<std::size_t>(i);
      const std::size_t size = places.datagram_size(index);
      for (Bytes rest = places.message(index); !rest.empty();) {
        const Bytes datagram = rest.first(std::min(size, rest.size()));
        rest = rest.subspan(datagram.size());
        if (lost_received_.is_lost()) {
          ++lost_;
        } else {
          take_(datagram, now);
        }
      }
    }
  } while (count == static_cast<int>(kMessages));
}

void MediaSocket::send(const SocketAddress& to, std::vector<std::uint8_t> datagram) {
  if (lost_sent_.is_lost()) {
    ++lost_;
  } else {
    waiting_.push_back({to, std::move(datagram)});
  }
}

void MediaSocket::flush() {
  for (std::size_t first = 0, end = 0; first < waiting_.size(); first = end) {
    const Waiting& one = waiting_[first];
    end = first + 1;
    while (grouping_ == Grouping::kBursts && end < waiting_.size() && end - first < kMostSegments &&
           waiting_[end].to == one.to && waiting_[end].bytes.size() == one.bytes.size()) {
      ++end;
    }
    send_message(socket_.native_handle(), std::span(waiting_).subspan(first, end - first));
  }
  waiting_.clear();
}

SocketAddress MediaSocket::local(std::optional<IpAddress> peer) {
  // Connecting UDP sends nothing, it only finds the way out (an address of documentation, RFC
  // 5737).
  const std::string to = peer ? peer->to_string() : "198.51.100.1";
  udp::socket probe(socket_.get_executor());
  boost::system::error_code error;
  probe.open(udp::v4(), error);
  probe.connect({asio::ip::make_address(to, error), 9}, error);
  const auto own =
      error ? asio::ip::address_v4::loopback() : probe.local_endpoint(error).address().to_v4();
  return {IpAddress::v4(own.to_bytes()), socket_.local_endpoint().port()};
}

void MediaSocket::close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

}  // namespace meridian::bench
