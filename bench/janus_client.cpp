#include "janus_client.hpp"

#include <utility>

#include "client_sockets.hpp"
#include "io/clock.hpp"
#include "video_room.hpp"

namespace meridian::bench {

struct JanusClient::State : std::enable_shared_from_this<State> {
  State(boost::asio::io_context& context, Settings settings, std::uint64_t seed)
      : received_loss(settings.loss_percent, seed << 8U),
        sent_loss(settings.send_loss_percent, (seed << 8U) + 1),
        signal(context),
        socket(context, settings.grouping),
        client({.room = settings.room,
                .id = settings.id,
                .feeds = std::move(settings.feeds),
                .local = socket.local()},
               seed) {}

  void connect(const SignalAddress& address) {
    started = io::monotonic_now();
    signal.connect(address, [] {
      return SignalSocket::Upgrade{
          .target = "/", .subprotocol = "janus-protocol", .is_binary = false};
    });
    signal.start(shared_from_this(), [this](Bytes message, Instant now) {
      client.handle_message(as_text(message), now);
      flush();
    });
    socket.start(
        shared_from_this(),
        [this](Bytes datagram, Instant now) { client.media().handle_datagram(datagram, now); },
        [this] { flush(); });
    client.start(started);
    flush();
  }
  void flush() {
    while (const auto message = client.poll_message()) {
      const Bytes bytes = as_bytes(*message);
      signal.send({bytes.begin(), bytes.end()});
    }
    const auto& to = client.media().server_address();
    while (auto out = client.media().poll_datagram()) {
      if (to) {
        socket.send(*to, std::move(out->bytes));
      }
    }
    socket.flush();
    if (join_time == Duration::zero() && client.media().is_connected()) {
      join_time = io::monotonic_now() - started;
      socket.lose(received_loss, sent_loss);
    }
  }

  test::LossDraw received_loss;
  test::LossDraw sent_loss;
  SignalSocket signal;
  MediaSocket socket;
  VideoRoomClient client;
  Instant started;
  Duration join_time{};
};

JanusClient::JanusClient(boost::asio::io_context& context, Settings settings, std::uint64_t seed)
    : state_(std::make_shared<State>(context, std::move(settings), seed)) {}

JanusClient::~JanusClient() {
  state_->socket.close();
  state_->signal.close();
}

void JanusClient::publish(std::uint32_t source, test::TrackShape shape) {
  state_->client.publish(source, std::move(shape));
}

void JanusClient::set_observer(test::MediaObserver* observer) {
  state_->client.media().set_observer(observer);
}

void JanusClient::connect(const SignalAddress& address) {
  state_->connect(address);
}

void JanusClient::handle_timeout(Instant now) {
  if (now >= state_->client.next_timeout()) {
    state_->client.handle_timeout(now);
    state_->flush();
  }
}

void JanusClient::leave() {
  state_->client.leave();
  state_->flush();
}

const test::MediaSession& JanusClient::sender() const {
  return state_->client.media();
}
std::uint64_t JanusClient::dropped() const {
  return state_->socket.lost();
}
bool JanusClient::is_closed() const {
  return state_->signal.is_closed() || !state_->client.refusal().empty();
}
Duration JanusClient::join_time() const {
  return state_->join_time;
}
const std::string& JanusClient::refusal() const {
  return state_->client.refusal();
}

}  // namespace meridian::bench
