#include "load_client.hpp"

#include <array>
#include <deque>
#include <utility>
#include <vector>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>

#include "io/clock.hpp"
#include "io/udp_socket.hpp"
#include "support/data_channel_client.hpp"

namespace meridian::bench {
namespace asio = boost::asio;
namespace websocket = boost::beast::websocket;
using asio::ip::tcp;
using asio::ip::udp;

struct LoadClient::State : std::enable_shared_from_this<State> {
  State(asio::io_context& context, test::LivekitSettings settings, std::uint64_t seed)
      : client(std::move(settings), seed),
        resolver(context),
        signal(context),
        media(context, udp::v4()) {
    media.non_blocking(true);
    media.set_option(asio::socket_base::receive_buffer_size(1 << 20));
  }

  void connect(const SignalAddress& address) {
    started = io::monotonic_now();
    asio::connect(signal.next_layer(),
                  resolver.resolve(address.host, std::to_string(address.port)));
    signal.next_layer().set_option(tcp::no_delay(true));
    signal.binary(true);
    signal.handshake(address.host + ":" + std::to_string(address.port),
                     client.join_target(io::wall_now()));
    read_signal();
    read_media();
  }

  void read_signal() {
    signal.async_read(
        buffer, [self = shared_from_this()](boost::system::error_code error, std::size_t) {
          if (error) {
            self->is_closed = true;
            return;
          }
          const auto data = self->buffer.data();
          self->client.handle_signal({static_cast<const std::uint8_t*>(data.data()), data.size()},
                                     io::monotonic_now());
          self->buffer.consume(self->buffer.size());
          self->flush();
          self->read_signal();
        });
  }
  void write_signal() {
    if (is_writing || writes.empty() || is_closed) {
      return;
    }
    is_writing = true;
    signal.async_write(asio::buffer(writes.front()),
                       [self = shared_from_this()](boost::system::error_code error, std::size_t) {
                         self->is_writing = false;
                         self->is_closed = self->is_closed || error.failed();
                         self->writes.pop_front();
                         self->write_signal();
                       });
  }
  void read_media() {
    media.async_wait(udp::socket::wait_read,
                     [self = shared_from_this()](boost::system::error_code error) {
                       if (error) {
                         return;
                       }
                       self->receive();
                       self->flush();
                       self->read_media();
                     });
  }
  void receive() {
    boost::system::error_code error;
    udp::endpoint from;
    while (true) {
      const std::size_t size = media.receive_from(asio::buffer(datagram), from, 0, error);
      if (error) {
        return;
      }
      const Instant now = io::monotonic_now();
      client.handle_datagram(Bytes(datagram).first(size), now);
      while (const auto packet = client.poll_sctp()) {
        if (channels) {
          channels->receive(*packet, now);
        }
      }
    }
  }
  void handle_timeout(Instant now) {
    if (now >= client.next_timeout()) {
      client.handle_timeout(now);
    }
    if (channels && now >= channels->next_timeout()) {
      channels->advance(now);
    }
    flush();
  }
  void flush() {
    while (auto frame = client.poll_signal()) {
      writes.push_back(std::move(*frame));
    }
    write_signal();
    const auto& to = client.server_address();
    while (auto out = client.poll_datagram()) {
      if (to) {
        sockaddr_storage address{};
        const socklen_t length = io::to_sockaddr(*to, address);
        ::sendto(media.native_handle(), out->bytes.data(), out->bytes.size(), MSG_DONTWAIT,
                 reinterpret_cast<const sockaddr*>(&address), length);
      }
    }
    if (join_time == Duration::zero() && client.is_connected()) {
      join_time = io::monotonic_now() - started;
      begin_channels();
    }
  }
  void begin_channels() {
    if (wants_channels && !channels && client.is_connected()) {
      const Instant now = io::monotonic_now();
      channels.emplace([this](Bytes packet) { client.send_sctp(packet); });
      channels->connect(now);
      channels->open_livekit_channels(now);
    }
  }

  test::LivekitClient client;
  std::optional<support::DataChannelClient> channels;
  bool wants_channels = false;
  tcp::resolver resolver;
  websocket::stream<tcp::socket> signal;
  udp::socket media;
  boost::beast::flat_buffer buffer;
  std::deque<std::vector<std::uint8_t>> writes;
  std::array<std::uint8_t, 2048> datagram{};
  Instant started;
  Duration join_time{};
  bool is_writing = false;
  bool is_closed = false;
};

LoadClient::LoadClient(asio::io_context& context, test::LivekitSettings settings,
                       std::uint64_t seed)
    : state_(std::make_shared<State>(context, std::move(settings), seed)) {}

LoadClient::~LoadClient() {
  boost::system::error_code ignored;
  state_->media.close(ignored);
  state_->signal.next_layer().close(ignored);
}

void LoadClient::connect(const SignalAddress& address) {
  state_->connect(address);
}

void LoadClient::handle_timeout(Instant now) {
  const bool is_due = now >= state_->client.next_timeout();
  if (is_due || (state_->channels && now >= state_->channels->next_timeout())) {
    state_->handle_timeout(now);
  }
}

void LoadClient::open_channels() {
  state_->wants_channels = true;
  state_->begin_channels();
}

bool LoadClient::has_channels() const {
  return state_->channels && state_->channels->opened.size() >= 2;
}

void LoadClient::flush() {
  state_->flush();
}

test::LivekitClient& LoadClient::client() {
  return state_->client;
}
const test::LivekitClient& LoadClient::client() const {
  return state_->client;
}
bool LoadClient::is_closed() const {
  return state_->is_closed;
}
Duration LoadClient::join_time() const {
  return state_->join_time;
}

}  // namespace meridian::bench
