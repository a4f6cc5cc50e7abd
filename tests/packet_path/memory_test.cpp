// What a participant takes of the heap in each part of a node, a published layer and a
// subscription, against the budgets (metrics/memory_budget.hpp): counted, not estimated, of what
// stays when they are idle. The whole node is bench/memory.sh's business.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "io/clock.hpp"
#include "io/http_server.hpp"
#include "metrics/memory_budget.hpp"
#include "packet_path/interposed.hpp"
#include "support/data_channel_client.hpp"
#include "support/livekit_client.hpp"
#include "unit/io/certificate_files.hpp"
#include "unit/io/http_client.hpp"
#include "unit/node/control_fixture.hpp"
#include "unit/node/worker_bed.hpp"

namespace meridian::test {
namespace {

using Budget = metrics::MemoryBudget;
using forward::test::token;
using node::test::BedClient;
using Sample = forward::test::Meeting;

constexpr std::int64_t kPeople = 10;

/// Of each of `count` in bytes; printed, since a budget is also something to get nearer to.
std::size_t each(const char* name, std::int64_t bytes, std::int64_t count, std::size_t budget) {
  const std::int64_t one = bytes / count;
  std::printf("%-28s %8lld of %8zu bytes\n", name, static_cast<long long>(one), budget);
  return one < 0 ? 0 : static_cast<std::size_t>(one);
}

// ---- The worker's part --------------------------------------------------------------------------

/// Clients of one worker, of which only the worker's calls are counted.
class TransportMemory : public testing::Test {
 protected:
  using Channels = support::DataChannelClient;

  /// A client whose media is connected and whose first SCTP packet has come.
  BedClient& join() {
    BedClient& client = bed_.add_client();
    {
      const Ledger ledger;
      bed_.open(client);
    }
    client.peer->start(bed_.now.monotonic);
    exchange(client);
    MERIDIAN_CHECK(client.peer->is_connected());
    const std::array<std::uint8_t, 40> packet{};
    MERIDIAN_CHECK(client.peer->send_sctp(packet));
    exchange(client);
    return client;
  }
  void exchange(BedClient& client) {
    while (auto datagram = client.peer->poll_datagram()) {
      const node::InboundDatagram inbound{
          .bytes = *datagram, .from = client.address, .socket = 0, .received = bed_.now.monotonic};
      {
        const Ledger ledger;
        bed_.worker().handle_datagrams({&inbound, 1}, bed_.now);
        while (bed_.worker().handle_handshakes(bed_.now)) {
        }
        (void)bed_.worker().take_events();
      }
      for (const transport::OutboundDatagram& out : bed_.output().datagrams()) {
        client.peer->handle_datagram(out.bytes, bed_.now.monotonic);
      }
      bed_.output().clear();
    }
  }
  template <class... Commands>
  void command(Commands&&... commands) {
    const Ledger ledger;
    (bed_.command(0, std::forward<Commands>(commands)), ...);
    (void)bed_.worker().take_events();
  }
  void publish(const BedClient& client, std::uint32_t number) {
    const PublicationId microphone(10 * number + 1);
    const PublicationId camera(10 * number + 2);
    forward::ConfigureReceive sound = Sample::configuration(client.id, {});
    sound.sections.pop_back();
    sound.sections.front().publication = microphone;
    forward::ConfigureReceive both = Sample::configuration(client.id, layers());
    both.sections.front().publication = microphone;
    both.sections.back().publication = camera;
    std::int64_t before = held_bytes();
    command(forward::Publish{.publication = microphone,
                             .transport = client.id,
                             .room = RoomNumber(1),
                             .kind = rtp::MediaKind::kAudio},
            std::move(sound));
    sound_ += held_bytes() - before;
    before = held_bytes();
    command(forward::Publish{.publication = camera,
                             .transport = client.id,
                             .room = RoomNumber(1),
                             .kind = rtp::MediaKind::kVideo},
            std::move(both));
    camera_ += held_bytes() - before;
  }
  static std::vector<rtp::Token> layers() { return {token("q"), token("h"), token("f")}; }

  node::test::WorkerBed bed_;
  std::int64_t sound_ = 0;
  std::int64_t camera_ = 0;
};

TEST_F(TransportMemory, of_an_idle_transport) {
  join();  // what happens once
  const std::int64_t before = held_bytes();
  for (std::int64_t i = 0; i < kPeople; ++i) {
    join();
  }
  EXPECT_LE(each("idle transport", held_bytes() - before, kPeople, Budget::kTransport),
            Budget::kTransport);
}

TEST_F(TransportMemory, is_given_back) {
  join();
  const std::int64_t before = held_bytes();
  BedClient& client = join();
  publish(client, 1);
  command(forward::Unpublish{.publication = PublicationId(11)},
          forward::Unpublish{.publication = PublicationId(12)},
          forward::CloseTransport{.transport = client.id});
  bed_.now.monotonic = bed_.now.monotonic + 1s;  // its last words have left
  const Ledger ledger;
  bed_.worker().handle_timeout(bed_.now);
  EXPECT_LE(held_bytes() - before, 1024);  // tables keep their size
}

TEST_F(TransportMemory, of_muted_tracks_is_given_back) {
  BedClient& client = join();
  publish(client, 1);
  const std::int64_t before = held_bytes();
  command(forward::MutePublication{.publication = PublicationId(11), .is_muted = true},
          forward::MutePublication{.publication = PublicationId(12), .is_muted = true});
  bed_.now.monotonic = bed_.now.monotonic + forward::History::kMaxAge + 1s;
  {
    const Ledger ledger;
    bed_.worker().handle_timeout(bed_.now);
  }
  EXPECT_GE(before - held_bytes(), 1'400'000) << "of a camera of three layers and a microphone";
  command(forward::MutePublication{.publication = PublicationId(11), .is_muted = false},
          forward::MutePublication{.publication = PublicationId(12), .is_muted = false});
  EXPECT_LE(std::abs(before - held_bytes()), 1024);
}

TEST_F(TransportMemory, of_published_layers) {
  join();
  std::vector<BedClient*> clients;
  for (std::int64_t i = 0; i < kPeople; ++i) {
    clients.push_back(&join());
  }
  for (std::uint32_t i = 0; i < clients.size(); ++i) {
    publish(*clients[i], i);
  }
  EXPECT_LE(each("microphone", sound_, kPeople, Budget::kSoundLayer), Budget::kSoundLayer);
  EXPECT_LE(each("camera, three layers", camera_, kPeople, Budget::kCamera), Budget::kCamera);
}

TEST_F(TransportMemory, of_subscriptions) {
  BedClient& publisher = join();
  for (std::uint32_t i = 0; i < 2; ++i) {
    publish(publisher, i);
  }
  BedClient& subscriber = join();
  std::uint32_t number = 0;
  const auto subscribe = [&](std::uint32_t publication, bool is_video) {
    const std::int64_t before = held_bytes();
    ++number;
    command(forward::Subscribe{
        .subscription = SubscriptionId(number),
        .publication = PublicationId(publication),
        .transport = subscriber.id,
        .mid = token("1"),
        .ssrc = Ssrc(10'000 + number),
        .rtx_ssrc = is_video ? Ssrc(20'000 + number) : Ssrc{},
        .codecs = {is_video ? forward::test::vp8(102) : forward::test::opus(112)},
        .extensions = forward::test::extension_ids(),
        .target = {}});
    return held_bytes() - before;
  };
  EXPECT_LE(each("first subscription", subscribe(12, true), 1, Budget::kFirstSubscription),
            Budget::kFirstSubscription);
  EXPECT_LE(each("subscription of a camera", subscribe(12, true), 1, Budget::kSubscription),
            Budget::kSubscription);
  subscribe(11, false);
  EXPECT_LE(each("subscription of sound", subscribe(11, false), 1, Budget::kSubscription),
            Budget::kSubscription);
}

// ---- Data channels ------------------------------------------------------------------------------

/// Both ends are the same code in one stack, so that half of what both hold is the node's.
class AssociationMemory : public testing::Test {
 protected:
  void connect(std::size_t number) {
    const TransportId transport(static_cast<std::uint32_t>(number + 1));
    support::DataChannelClient& peer = *peers_[number];
    ours_.handle(sctp::Open{.transport = transport, .worker = {}, .role = sctp::Role::kDtlsServer},
                 kNow);
    peer.connect(kNow);
    peer.open_livekit_channels(kNow);
    std::size_t opened = 0;
    for (bool has_moved = true; has_moved;) {
      has_moved = false;
      while (auto event = ours_.poll_event()) {
        has_moved = true;
        opened += std::holds_alternative<sctp::ChannelOpened>(*event) ? 1 : 0;
        if (const auto* packet = std::get_if<sctp::PacketToSend>(&*event)) {
          peer.receive(packet->bytes, kNow);
        }
      }
      for (auto& packet : std::exchange(from_peer_, {})) {
        has_moved = true;
        ours_.handle(sctp::Packet{.transport = transport, .bytes = std::move(packet)}, kNow);
      }
    }
    MERIDIAN_CHECK(opened == 2);
  }
  void add_peer() {
    peers_.push_back(std::make_unique<support::DataChannelClient>(
        [this](Bytes packet) { from_peer_.emplace_back(packet.begin(), packet.end()); }));
  }

  static constexpr Instant kNow = Instant::from_origin(100s);
  sctp::Service ours_;
  std::vector<std::vector<std::uint8_t>> from_peer_;
  std::vector<std::unique_ptr<support::DataChannelClient>> peers_;
};

TEST_F(AssociationMemory, of_open_channels) {
  for (std::int64_t i = 0; i <= kPeople; ++i) {
    add_peer();
  }
  connect(0);  // what happens once
  const std::int64_t before = held_bytes();
  {
    const Ledger ledger;
    for (std::size_t i = 1; i < peers_.size(); ++i) {
      connect(i);
    }
  }
  EXPECT_LE(each("SCTP association", held_bytes() - before, 2 * kPeople, Budget::kAssociation),
            Budget::kAssociation);
}

// ---- The control thread's part ------------------------------------------------------------------

class MeetingMemory : public node::ControlTest {
 protected:
  MeetingMemory() {
    config::Config config = two_regions();
    for (config::Pool& pool : config.pools) {
      pool.participants = 100;
    }
    config.limits.participants_per_room = 100;
    start(std::move(config));
    forget_outputs();
  }
  void forget_outputs() {
    (void)control_->take_signal_outputs();
    (void)control_->take_commands();
    (void)control_->take_sctp_commands();
    (void)control_->take_audit_lines();
    (void)control_->take_stored();
    (void)control_->take_log_events();
  }
  /// With the offer of a real client: three sections for each kind of media.
  void join_room(std::uint32_t number) {
    LivekitSettings settings;
    settings.identity = "person-" + std::to_string(number);
    settings.room = "standup";
    settings.api_key = "acme-key";
    settings.api_secret = "acme-secret";
    LivekitClient client(settings, number);
    const signalling::HttpRequest request = get(client.join_target(now_.wall));
    const Ledger ledger;
    const auto opened = control_->open_signalling(request, now_);
    ASSERT_TRUE(opened) << opened.error().body;
    const TransportId transport = opened_transport();
    control_->handle_event(
        WorkerIndex(0),
        forward::TransportStateChanged{.transport = transport,
                                       .state = transport::TransportState::kConnected,
                                       .reason = transport::TransportFailure::kNone},
        now_);
    std::uint16_t channel = 0;
    for (const char* label : {"_reliable", "_lossy"}) {
      control_->handle_sctp_event(sctp::ChannelOpened{.transport = transport,
                                                      .channel = sctp::ChannelId(channel),
                                                      .opener = sctp::Opener::kPeer,
                                                      .options = {.label = label}},
                                  now_);
      channel = static_cast<std::uint16_t>(channel + 2);
    }
    forget_outputs();
  }
  TransportId opened_transport() {
    TransportId transport;
    for (const auto& [worker, command] : control_->take_commands()) {
      if (const auto* open = std::get_if<forward::OpenTransport>(&command)) {
        transport = open->transport;
      }
    }
    return transport;
  }
};

TEST_F(MeetingMemory, of_a_participant) {
  join_room(0);
  const std::int64_t before = held_bytes();
  for (std::uint32_t i = 1; i <= kPeople; ++i) {
    join_room(i);
  }
  EXPECT_EQ(control_->counters().participants_now, std::size_t{kPeople} + 1);
  EXPECT_LE(each("participant of a meeting", held_bytes() - before, kPeople, Budget::kMeeting),
            Budget::kMeeting);
}

// ---- The connection for signalling --------------------------------------------------------------

struct AcceptingHandler final : io::HttpHandler {
  [[nodiscard]] std::size_t max_body(std::string_view) const override { return 0; }
  io::HttpResult handle_http(const signalling::HttpRequest&) override {
    return io::HttpReply{signalling::HttpResponse::text(404, "no"), nullptr};
  }
  [[nodiscard]] bool is_websocket_path(std::string_view) const override { return true; }
  base::Expected<node::SignalSessionId, signalling::HttpResponse> open_websocket(
      const signalling::HttpRequest&) override {
    return node::SignalSessionId(++sessions);
  }
  void handle_frame(node::SignalSessionId, Bytes, node::FrameKind) override { ++frames; }
  void handle_closed(node::SignalSessionId) override {}

  std::uint64_t sessions = 0;
  std::uint64_t frames = 0;
};

/// Clients that open a WebSocket with a whole session description in the request, and say something
/// as long once more. They run on a thread of their own; only the server's thread has a ledger.
class SignallingMemory : public testing::Test {
 protected:
  static constexpr std::size_t kJoinRequest = 12'000;
  static constexpr std::size_t kFrame = 6'000;

  void listen(const io::TlsCertificate* certificate) {
    is_tls_ = certificate != nullptr;
    const auto address = server_.listen({.bind = {IpAddress::v4({127, 0, 0, 1}), 0},
                                         .region = RegionId("uk-london"),
                                         .handler = &handler_,
                                         .tls = certificate});
    ASSERT_TRUE(address);
    address_ = *address;
  }
  void join() {
    clients_.push_back(std::make_unique<io::HttpClient>(address_));
    const std::uint64_t frames = handler_.frames + 1;
    std::thread client([this, &http = *clients_.back()] { open(http); });
    {
      const Ledger ledger;
      for (int i = 0; i < 1000 && handler_.frames < frames; ++i) {
        context_.run_one_for(std::chrono::milliseconds(100));
        server_.flush();
      }
    }
    client.join();
    ASSERT_EQ(handler_.frames, frames);
  }
  std::size_t each_of_idle(const char* name, std::size_t budget) {
    join();
    const std::int64_t before = held_bytes();
    for (std::int64_t i = 0; i < kPeople; ++i) {
      join();
    }
    return each(name, held_bytes() - before, kPeople, budget);
  }

 private:
  void open(io::HttpClient& client) const {
    if (is_tls_) {
      (void)client.start_tls();
    }
    client.send("GET /rtc?join_request=" + std::string(kJoinRequest, 'x') +
                " HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    (void)client.receive_until("\r\n\r\n");
    // Binary, masked with zeros.
    const std::string header = {
        '\x82', '\xfe', static_cast<char>(kFrame >> 8U), static_cast<char>(kFrame & 0xffU), 0, 0,
        0,      0};
    client.send(header + std::string(kFrame, 'o'));
  }

  bool is_tls_ = false;
  SocketAddress address_;
  boost::asio::io_context context_;
  io::HttpServer server_{context_, {}};
  AcceptingHandler handler_;
  std::vector<std::unique_ptr<io::HttpClient>> clients_;
};

TEST_F(SignallingMemory, of_an_idle_websocket) {
  listen(nullptr);
  EXPECT_LE(each_of_idle("idle WebSocket", Budget::kSignalling), Budget::kSignalling);
}

TEST_F(SignallingMemory, of_an_idle_websocket_in_tls) {
  const io::TemporaryFolder folder;
  const auto certificate = io::TlsCertificate::load(io::make_pair(folder, "one"), io::wall_now());
  ASSERT_TRUE(certificate);
  listen(&*certificate);
  constexpr std::size_t kBudget = Budget::kSignalling + Budget::kTls;
  EXPECT_LE(each_of_idle("idle WebSocket in TLS", kBudget), kBudget);
}

}  // namespace
}  // namespace meridian::test
