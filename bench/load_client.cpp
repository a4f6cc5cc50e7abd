#include "load_client.hpp"

#include <optional>
#include <utility>

#include "client_sockets.hpp"
#include "io/clock.hpp"
#include "support/data_channel_client.hpp"

namespace meridian::bench {

struct LoadClient::State : std::enable_shared_from_this<State> {
  State(boost::asio::io_context& context, test::LivekitSettings settings, std::uint64_t seed,
        Grouping grouping)
      : client(std::move(settings), seed), signal(context), media(context, grouping) {}

  void connect(const SignalAddress& address) {
    started = io::monotonic_now();
    signal.connect(address, {.target = client.join_target(io::wall_now())});
    signal.start(shared_from_this(), [this](Bytes message, Instant now) {
      client.handle_signal(message, now);
      flush();
    });
    media.start(
        shared_from_this(), [this](Bytes datagram, Instant now) { receive(datagram, now); },
        [this] { flush(); });
  }
  void receive(Bytes datagram, Instant now) {
    client.handle_datagram(datagram, now);
    while (const auto packet = client.poll_sctp()) {
      if (channels) {
        channels->receive(*packet, now);
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
      signal.send(std::move(*frame));
    }
    const auto& to = client.server_address();
    while (auto out = client.poll_datagram()) {
      if (to) {
        media.send(*to, std::move(out->bytes));
      }
    }
    media.flush();
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
  SignalSocket signal;
  MediaSocket media;
  Instant started;
  Duration join_time{};
};

LoadClient::LoadClient(boost::asio::io_context& context, test::LivekitSettings settings,
                       std::uint64_t seed, Grouping grouping)
    : state_(std::make_shared<State>(context, std::move(settings), seed, grouping)) {}

LoadClient::~LoadClient() {
  state_->media.close();
  state_->signal.close();
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

void LoadClient::leave() {
  state_->client.leave();
  state_->flush();
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
  return state_->signal.is_closed();
}
Duration LoadClient::join_time() const {
  return state_->join_time;
}

}  // namespace meridian::bench
