#include "load_client.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "client_sockets.hpp"
#include "io/clock.hpp"
#include "support/data_channel_client.hpp"

namespace meridian::bench {

struct LoadClient::State : std::enable_shared_from_this<State> {
  using Link = test::LivekitClient::Link;
  /// One connection of the client, with the data channels over it.
  struct Connection {
    Connection(boost::asio::io_context& context, Link which, Grouping grouping)
        : link(which), socket(context, grouping) {}
    Link link;
    MediaSocket socket;
    std::optional<support::DataChannelClient> channels;
  };

  State(boost::asio::io_context& context, LoadSettings from, std::uint64_t own_seed)
      : settings(std::move(from)),
        seed(own_seed),
        client(settings.livekit, own_seed),
        signal(context) {
    for (const Link link : {Link::kFirst, Link::kSubscriber}) {
      if (client.has_link(link)) {
        connections.push_back(std::make_unique<Connection>(context, link, settings.grouping));
      }
    }
  }

  void connect(const SignalAddress& address) {
    started = io::monotonic_now();
    signal.connect(address, [this] {
      for (const auto& one : connections) {
        client.set_local_address(one->socket.local(signal.server()), one->link);
      }
      return SignalSocket::Upgrade{.target = client.join_target(io::wall_now())};
    });
    signal.start(shared_from_this(), [this](Bytes message, Instant now) {
      client.handle_signal(message, now);
      flush();
    });
    for (const auto& one : connections) {
      one->socket.start(
          shared_from_this(),
          [this, &one = *one](Bytes datagram, Instant now) { receive(one, datagram, now); },
          [this] { flush(); });
    }
  }
  void receive(Connection& from, Bytes datagram, Instant now) {
    client.handle_datagram(datagram, now, from.link);
    while (const auto packet = client.poll_sctp(from.link)) {
      if (from.channels) {
        from.channels->receive(*packet, now);
      }
    }
  }
  [[nodiscard]] Instant next_timeout() const {
    Instant next = client.next_timeout();
    for (const auto& one : connections) {
      next = one->channels ? std::min(next, one->channels->next_timeout()) : next;
    }
    return next;
  }
  void handle_timeout(Instant now) {
    if (now >= client.next_timeout()) {
      client.handle_timeout(now);
    }
    for (const auto& one : connections) {
      if (one->channels && now >= one->channels->next_timeout()) {
        one->channels->advance(now);
      }
    }
    flush();
  }
  void flush() {
    while (auto frame = client.poll_signal()) {
      signal.send(std::move(*frame));
    }
    for (const auto& one : connections) {
      const auto& to = client.server_address(one->link);
      while (auto out = client.poll_datagram(one->link)) {
        if (to) {
          one->socket.send(*to, std::move(out->bytes));
        }
      }
      one->socket.flush();
    }
    if (join_time == Duration::zero() && client.is_connected()) {
      join_time = io::monotonic_now() - started;
      begin_loss();
      begin_channels();
    }
  }
  void begin_loss() {
    std::uint64_t draws = seed << 8U;
    for (const auto& one : connections) {
      one->socket.lose(test::LossDraw(settings.loss_percent, draws),
                       test::LossDraw(settings.send_loss_percent, draws + 1));
      draws += 2;
    }
  }
  void begin_channels() {
    if (!wants_channels || !client.is_connected()) {
      return;
    }
    for (const auto& one : connections) {
      if (one->channels || !client.media(one->link).is_connected()) {
        continue;
      }
      const Instant now = io::monotonic_now();
      one->channels.emplace(
          [this, link = one->link](Bytes packet) { client.send_sctp(packet, link); });
      one->channels->connect(now);
      if (one->link == Link::kFirst) {  // over the other the server opens them
        one->channels->open_livekit_channels(now);
      }
    }
  }

  LoadSettings settings;
  std::uint64_t seed;
  test::LivekitClient client;
  bool wants_channels = false;
  SignalSocket signal;
  std::vector<std::unique_ptr<Connection>> connections;
  Instant started;
  Duration join_time{};
};

LoadClient::LoadClient(boost::asio::io_context& context, LoadSettings settings, std::uint64_t seed)
    : state_(std::make_shared<State>(context, std::move(settings), seed)) {}

LoadClient::~LoadClient() {
  for (const auto& one : state_->connections) {
    one->socket.close();
  }
  state_->signal.close();
}

void LoadClient::connect(const SignalAddress& address) {
  state_->connect(address);
}

void LoadClient::handle_timeout(Instant now) {
  if (now >= state_->next_timeout()) {
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
  const auto& first = state_->connections.front()->channels;
  return first && first->opened.size() >= 2;
}

std::uint64_t LoadClient::dropped() const {
  std::uint64_t sum = 0;
  for (const auto& one : state_->connections) {
    sum += one->socket.lost();
  }
  return sum;
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
