#include "turn/server.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "support/turn_client.hpp"

namespace meridian::turn {
namespace {

using test::TurnClient;

SocketAddress at(std::string_view text) {
  return *SocketAddress::parse(text);
}

const SocketAddress kPeer = at("198.51.100.7:7900");
const SocketAddress kPeerV6 = at("[2001:db8::7]:7900");
const ice::Tuple kClient{.remote = at("192.0.2.9:5000"), .socket = 4};
constexpr WorkerIndex kWorker(1);
constexpr TransportId kAnn(7);
const std::vector<std::uint8_t> kPayload = {1, 2, 3, 4, 5};

class TurnServer : public ::testing::Test {
 protected:
  TurnServer() : TurnServer({kPeer}) {}
  explicit TurnServer(std::vector<SocketAddress> peers)
      : secret(random),
        server({.secret = secret,
                .worker = kWorker,
                .peers = std::move(peers),
                .random = random,
                .counters = counters,
                .admits = [this](TransportId id) {
                  return std::ranges::find(admitted, id) != admitted.end();
                }}) {}

  Credentials credentials(TransportId participant = kAnn, WorkerIndex worker = kWorker) {
    return issue(secret, {now.wall + kCredentialTime, worker, participant});
  }
  Server::Outcome take(std::vector<std::uint8_t> bytes, const ice::Tuple& from = kClient,
                       Way way = Way::kStream) {
    message = std::move(bytes);  // payloads lie in it
    return server.handle(message, from, way, now, reply);
  }
  TurnClient::Answer ask(TurnClient& client, std::vector<std::uint8_t> bytes,
                         const ice::Tuple& from = kClient, Way way = Way::kStream) {
    const auto outcome = take(std::move(bytes), from, way);
    EXPECT_EQ(outcome.step, Server::Step::kReply);
    return client.read(Bytes(reply).first(outcome.reply_size));
  }
  /// With the challenge first.
  TurnClient::Answer allocate(TurnClient& client, const ice::Tuple& from = kClient,
                              Way way = Way::kStream) {
    EXPECT_EQ(ask(client, client.allocate(), from, way).code, 401);
    return ask(client, client.allocate(), from, way);
  }
  TurnClient::Answer permit(TurnClient& client, const SocketAddress& peer) {
    return ask(client, client.request(kCreatePermission, [&](Writer& writer) {
      writer.address(kXorPeerAddress, peer);
    }));
  }
  TurnClient::Answer bind(TurnClient& client, std::uint16_t channel, const SocketAddress& peer,
                          const ice::Tuple& from = kClient, Way way = Way::kStream) {
    return ask(client,
               client.request(kChannelBind,
                              [&](Writer& writer) {
                                writer.u16(kChannelNumber, channel).address(kXorPeerAddress, peer);
                              }),
               from, way);
  }
  void pass(Duration time) {
    now.monotonic = now.monotonic + time;
    now.wall = now.wall + time;
  }

  SeededRandomSource random{1};
  Secret secret;
  Counters counters;
  std::vector<TransportId> admitted = {kAnn};
  Server server;
  Now now{Instant::from_origin(std::chrono::hours(1)), UnixTime::from_seconds(1'800'000'000)};
  std::vector<std::uint8_t> message;
  std::array<std::uint8_t, Server::kMaxReply> reply{};
};

class TurnServerV6 : public TurnServer {
 protected:
  TurnServerV6() : TurnServer({kPeer, kPeerV6}) {}
};

TEST_F(TurnServer, allocates_after_a_challenge) {
  TurnClient client(credentials());
  const auto challenge = ask(client, client.allocate());
  EXPECT_EQ(challenge.code, 401);
  EXPECT_FALSE(challenge.is_signed);
  EXPECT_EQ(server.size(), 0U);
  const auto answer = ask(client, client.allocate());
  ASSERT_TRUE(answer.is_success);
  EXPECT_TRUE(answer.is_signed);
  EXPECT_EQ(answer.mapped, kClient.remote);
  EXPECT_EQ(answer.lifetime, 600U);
  ASSERT_TRUE(answer.relayed);
  EXPECT_EQ(answer.relayed->ip, kPeer.ip) << "a name on this node";
  EXPECT_GE(answer.relayed->port, Server::kFirstPort);
  EXPECT_EQ(counters.allocations.value(), 1U);
  EXPECT_EQ(counters.challenges.value(), 1U);
}

TEST_F(TurnServer, nobody_without_the_password_allocates) {
  TurnClient stranger({credentials().username, "guessed"});
  EXPECT_EQ(allocate(stranger).code, 401);
  TurnClient forger({"1:1900000000:1:8", credentials().password});
  EXPECT_EQ(allocate(forger).code, 401);
  TurnClient nobody({"nobody", "secret"});
  EXPECT_EQ(allocate(nobody).code, 401);
  TurnClient foreign(credentials(kAnn, WorkerIndex(2)));
  EXPECT_EQ(allocate(foreign).code, 401) << "its participant is on another worker";
  EXPECT_EQ(server.size(), 0U);
  EXPECT_EQ(counters.refused_credentials.value(), 4U);
}

TEST_F(TurnServer, credentials_run_out) {
  TurnClient client(credentials());
  (void)ask(client, client.allocate());
  pass(kCredentialTime);
  EXPECT_EQ(ask(client, client.allocate()).code, 438);
  EXPECT_EQ(ask(client, client.allocate()).code, 401);
  EXPECT_EQ(server.size(), 0U);
}

TEST_F(TurnServer, an_allocation_outlives_its_credentials) {
  TurnClient client(credentials());
  ASSERT_TRUE(allocate(client).is_success);
  for (Duration lived{}; lived < 2 * kCredentialTime; lived += 500s) {
    pass(500s);
    auto answer = ask(client, client.request(kRefresh));
    if (answer.code == 438) {
      answer = ask(client, client.request(kRefresh));
    }
    ASSERT_TRUE(answer.is_success) << answer.code;
    EXPECT_TRUE(server.collect_ended(now.monotonic).empty());
  }
}

TEST_F(TurnServer, a_nonce_of_another_address_is_stale) {
  TurnClient client(credentials());
  (void)ask(client, client.allocate());
  const ice::Tuple other{.remote = at("192.0.2.9:5001"), .socket = 4};
  EXPECT_EQ(ask(client, client.allocate(), other).code, 438);
  EXPECT_EQ(server.size(), 0U);
}

TEST_F(TurnServer, waits_for_the_participant_of_an_allocation) {
  admitted.clear();
  TurnClient client(credentials());
  (void)ask(client, client.allocate());
  const auto request = client.allocate();
  EXPECT_EQ(take(request).step, Server::Step::kWait);
  EXPECT_EQ(server.size(), 0U);
  admitted = {kAnn};
  EXPECT_TRUE(ask(client, request).is_success);
}

TEST_F(TurnServer, an_allocation_ends_with_its_participant) {
  TurnClient client(credentials());
  const auto answer = allocate(client);
  ASSERT_TRUE(permit(client, kPeer).is_success);
  EXPECT_TRUE(server.collect_ended(now.monotonic).empty());
  admitted.clear();
  EXPECT_EQ(server.collect_ended(now.monotonic), std::vector{kClient});
  EXPECT_EQ(take(client.send(kPeer, kPayload)).step, Server::Step::kNothing);
  EXPECT_FALSE(server.frame(*answer.relayed, 5, now.monotonic));
  EXPECT_EQ(counters.allocations.value(), 0U);
}

TEST_F(TurnServer, an_allocation_that_is_not_refreshed_ends) {
  TurnClient client(credentials());
  (void)allocate(client);
  pass(Server::kAllocationTime - 1s);
  EXPECT_TRUE(server.collect_ended(now.monotonic).empty());
  pass(1s);
  EXPECT_EQ(server.collect_ended(now.monotonic), std::vector{kClient});
}

TEST_F(TurnServer, a_refresh_of_nothing_ends_it) {
  TurnClient client(credentials());
  (void)allocate(client);
  const auto answer =
      ask(client, client.request(kRefresh, [](Writer& writer) { writer.u32(kLifetime, 0); }));
  EXPECT_TRUE(answer.is_success);
  EXPECT_EQ(answer.lifetime, 0U);
  EXPECT_EQ(server.size(), 0U);
  EXPECT_EQ(ask(client, client.request(kRefresh)).code, 437);
}

TEST_F(TurnServer, answers_allocate_as_the_rfc_says) {
  TurnClient client(credentials());
  (void)ask(client, client.allocate());
  const auto with = [&](auto fill) { return ask(client, client.request(kAllocate, fill)).code; };
  EXPECT_EQ(with([](Writer&) {}), 400);
  EXPECT_EQ(with([](Writer& w) { w.u8(kRequestedTransport, 6); }), 442);
  EXPECT_EQ(with([](Writer& w) { w.u8(kRequestedTransport, 17).u8(kRequestedAddressFamily, 2); }),
            440);
  EXPECT_EQ(with([](Writer& w) {
              w.u8(kRequestedTransport, 17).raw(kReservationToken, std::array<std::uint8_t, 8>{});
            }),
            508);
  EXPECT_EQ(with([](Writer& w) {
              w.u8(kRequestedTransport, 17).raw(kEvenPort, std::array<std::uint8_t, 1>{0x80});
            }),
            508);
  EXPECT_EQ(with([](Writer& w) {
              w.u8(kRequestedTransport, 17)
                  .raw(kEvenPort, std::array<std::uint8_t, 1>{0})
                  .raw(kReservationToken, std::array<std::uint8_t, 8>{});
            }),
            400);
  EXPECT_EQ(with([](Writer& w) { w.u8(kRequestedTransport, 17).raw(0x7000, {}); }), 420);
  EXPECT_EQ(server.size(), 0U);
  const auto even = ask(client, client.request(kAllocate, [](Writer& w) {
    w.u8(kRequestedTransport, 17)
        .raw(kEvenPort, std::array<std::uint8_t, 1>{0})
        .raw(kDontFragment, {});
  }));
  ASSERT_TRUE(even.is_success);
  EXPECT_EQ(even.relayed->port % 2, 0);
  EXPECT_EQ(ask(client, client.allocate()).code, 437) << "there is one already";
}

TEST_F(TurnServer, the_same_request_again_gets_the_same_answer) {
  TurnClient client(credentials());
  (void)ask(client, client.allocate(), kClient, Way::kDatagrams);
  const auto request = client.allocate();
  const auto first = ask(client, request, kClient, Way::kDatagrams);
  const auto second = ask(client, request, kClient, Way::kDatagrams);
  ASSERT_TRUE(first.is_success && second.is_success);
  EXPECT_EQ(first.relayed, second.relayed);
  EXPECT_EQ(server.size(), 1U);
}

TEST_F(TurnServerV6, an_allocation_is_of_one_family) {
  TurnClient client(credentials());
  (void)ask(client, client.allocate());
  const auto answer = ask(client, client.request(kAllocate, [](Writer& w) {
    w.u8(kRequestedTransport, 17).u8(kRequestedAddressFamily, 2);
  }));
  ASSERT_TRUE(answer.is_success);
  EXPECT_EQ(answer.relayed->ip, kPeerV6.ip);
  EXPECT_EQ(permit(client, kPeer).code, 443);
  EXPECT_EQ(bind(client, 0x4000, kPeer).code, 443);
  EXPECT_TRUE(permit(client, kPeerV6).is_success);
  EXPECT_EQ(
      ask(client, client.request(kRefresh, [](Writer& w) { w.u8(kRequestedAddressFamily, 1); }))
          .code,
      443);
}

// Reliability A12: whatever the peer, but this node's own media address, it is refused.
TEST_F(TurnServer, every_other_peer_is_forbidden) {
  TurnClient client(credentials());
  (void)allocate(client);
  ASSERT_TRUE(permit(client, kPeer).is_success);
  for (const auto* other :
       {"127.0.0.1:7900", "0.0.0.0:7900", "169.254.169.254:80", "10.0.0.1:22", "198.51.100.8:7900",
        "224.0.0.1:7900", "255.255.255.255:7900", "192.0.2.9:5000"}) {
    EXPECT_EQ(permit(client, at(other)).code, 403) << other;
    EXPECT_EQ(bind(client, 0x4000, at(other)).code, 403) << other;
    EXPECT_EQ(take(client.send(at(other), kPayload)).step, Server::Step::kNothing) << other;
  }
  for (const auto* other :
       {"[::1]:7900", "[::]:7900", "[fc00::1]:7900", "[64:ff9b::7f00:1]:7900"}) {
    EXPECT_EQ(permit(client, at(other)).code, 443) << other;
    EXPECT_EQ(bind(client, 0x4000, at(other)).code, 443) << other;
    EXPECT_EQ(take(client.send(at(other), kPayload)).step, Server::Step::kNothing) << other;
  }
  // An IPv4-mapped address is the IPv4 address that it means.
  EXPECT_EQ(permit(client, at("[::ffff:127.0.0.1]:7900")).code, 403);
  // The node's other ports: its metrics, its API.
  const SocketAddress other_port{kPeer.ip, 7888};
  EXPECT_EQ(bind(client, 0x4000, other_port).code, 403);
  EXPECT_EQ(take(client.send(other_port, kPayload)).step, Server::Step::kNothing);
  EXPECT_EQ(counters.refused_peer.value(), 18U);
  // One of them among good ones spoils all.
  EXPECT_EQ(ask(client, client.request(kCreatePermission,
                                       [](Writer& writer) {
                                         writer.address(kXorPeerAddress, kPeer)
                                             .address(kXorPeerAddress, at("10.0.0.1:1"));
                                       }))
                .code,
            403);
}

TEST_F(TurnServer, payloads_pass_with_a_permission) {
  TurnClient client(credentials());
  const auto answer = allocate(client);
  EXPECT_EQ(take(client.send(kPeer, kPayload)).step, Server::Step::kNothing);
  EXPECT_FALSE(server.frame(*answer.relayed, 5, now.monotonic));
  ASSERT_TRUE(permit(client, kPeer).is_success);
  const auto outcome = take(client.send(kPeer, kPayload));
  ASSERT_EQ(outcome.step, Server::Step::kDeliver);
  EXPECT_TRUE(std::ranges::equal(outcome.payload, kPayload));
  EXPECT_EQ(outcome.relayed, answer.relayed);
  EXPECT_EQ(outcome.participant, kAnn);

  const auto frame = server.frame(*answer.relayed, kPayload.size(), now.monotonic);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->client, kClient);
  EXPECT_EQ(frame->header_size, data_indication_header(Family::kV4));
  EXPECT_EQ(frame->padding, 3U);
  pass(Server::kPermissionTime);
  EXPECT_EQ(take(client.send(kPeer, kPayload)).step, Server::Step::kNothing);
  EXPECT_FALSE(server.frame(*answer.relayed, 5, now.monotonic));
  EXPECT_EQ(counters.payloads_lost.value(), 2U);
}

TEST_F(TurnServer, payloads_pass_through_a_channel) {
  TurnClient client(credentials());
  const auto answer = allocate(client);
  EXPECT_EQ(take(TurnClient::channel_data(0x4001, kPayload)).step, Server::Step::kNothing);
  ASSERT_TRUE(bind(client, 0x4001, kPeer).is_success);
  const auto outcome = take(TurnClient::channel_data(0x4001, kPayload, 3));
  ASSERT_EQ(outcome.step, Server::Step::kDeliver);
  EXPECT_TRUE(std::ranges::equal(outcome.payload, kPayload));
  EXPECT_EQ(take(TurnClient::channel_data(0x4002, kPayload)).step, Server::Step::kNothing);
  auto cut = TurnClient::channel_data(0x4001, kPayload);
  cut.pop_back();
  EXPECT_EQ(take(cut).step, Server::Step::kNothing);

  const auto frame = server.frame(*answer.relayed, kPayload.size(), now.monotonic);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->header_size, kChannelHeaderSize);
  EXPECT_EQ(load_u16(frame->header.data()), 0x4001);
  EXPECT_EQ(load_u16(frame->header.data() + 2), 5);
  EXPECT_EQ(frame->padding, 3U) << "streams are padded";
  pass(Server::kChannelTime);
  EXPECT_EQ(take(TurnClient::channel_data(0x4001, kPayload)).step, Server::Step::kNothing);
}

TEST_F(TurnServer, a_datagram_needs_no_padding) {
  TurnClient client(credentials());
  const auto answer = allocate(client, kClient, Way::kDatagrams);
  ASSERT_TRUE(bind(client, 0x4001, kPeer, kClient, Way::kDatagrams).is_success);
  EXPECT_EQ(server.frame(*answer.relayed, 5, now.monotonic)->padding, 0U);
}

TEST_F(TurnServer, there_is_one_channel) {
  TurnClient client(credentials());
  (void)allocate(client);
  EXPECT_EQ(bind(client, 0x3fff, kPeer).code, 400);
  EXPECT_EQ(bind(client, 0x5000, kPeer).code, 400);
  EXPECT_EQ(ask(client, client.request(kChannelBind)).code, 400);
  EXPECT_EQ(ask(client, client.request(kCreatePermission)).code, 400);
  ASSERT_TRUE(bind(client, 0x4001, kPeer).is_success);
  EXPECT_TRUE(bind(client, 0x4001, kPeer).is_success) << "refreshed";
  EXPECT_EQ(bind(client, 0x4002, kPeer).code, 400) << "the peer is bound already";
  pass(Server::kChannelTime);
  EXPECT_EQ(bind(client, 0x4002, kPeer).code, 438);
  EXPECT_TRUE(bind(client, 0x4002, kPeer).is_success);
}

TEST_F(TurnServer, another_name_does_not_touch_an_allocation) {
  admitted = {kAnn, TransportId(8)};
  TurnClient client(credentials());
  (void)allocate(client);
  TurnClient other(credentials(TransportId(8)));
  other.set_nonce(client.nonce());
  other.set_realm(std::string(kRealmName));
  EXPECT_EQ(ask(other, other.request(kRefresh)).code, 441);
  EXPECT_EQ(permit(other, kPeer).code, 441);
  EXPECT_EQ(bind(other, 0x4000, kPeer).code, 441);
  EXPECT_EQ(server.size(), 1U);
}

// Reliability A13: of 500 with one name, kMaxPerParticipant succeed.
TEST_F(TurnServer, one_participant_has_few_allocations) {
  std::size_t allocated = 0;
  for (std::uint16_t i = 0; i < 500; ++i) {
    TurnClient client(credentials());
    const auto answer = allocate(
        client, {.remote = {kClient.remote.ip, static_cast<std::uint16_t>(1000 + i)}, .socket = 4});
    allocated += answer.is_success ? 1 : 0;
    EXPECT_TRUE(answer.is_success || answer.code == 486);
  }
  EXPECT_EQ(allocated, Server::kMaxPerParticipant);
  EXPECT_EQ(counters.refused_quota.value(), 500 - Server::kMaxPerParticipant);
}

TEST_F(TurnServer, all_together_have_as_many_as_there_are) {
  std::vector<std::uint16_t> ports;
  for (std::uint32_t i = 0; i <= Server::kMaxAllocations; ++i) {
    admitted = {TransportId(i + 1)};
    TurnClient client(credentials(TransportId(i + 1)));
    const auto answer = allocate(
        client, {.remote = {kClient.remote.ip, static_cast<std::uint16_t>(1000 + i)}, .socket = 4});
    if (i == Server::kMaxAllocations) {
      EXPECT_EQ(answer.code, 508);
    } else {
      ASSERT_TRUE(answer.is_success);
      ports.push_back(answer.relayed->port);
    }
  }
  std::ranges::sort(ports);
  EXPECT_EQ(std::ranges::adjacent_find(ports), ports.end()) << "each has an address of its own";
}

// Reliability A14: nothing of a stranger is answered but a request, and those not without end.
TEST_F(TurnServer, strangers_get_little) {
  TurnClient client(credentials());
  EXPECT_EQ(take(client.send(kPeer, kPayload)).step, Server::Step::kNothing);
  EXPECT_EQ(take(TurnClient::channel_data(0x4000, kPayload)).step, Server::Step::kNothing);
  EXPECT_EQ(take(client.request(kBinding)).step, Server::Step::kNothing);
  EXPECT_EQ(take({1, 2, 3}).step, Server::Step::kNothing);
  EXPECT_EQ(take({}).step, Server::Step::kNothing);
  std::array<std::uint8_t, 64> buffer{};
  Writer error(buffer, ice::StunClass::kError, kAllocate, {});
  const std::size_t size = error.error(401).finish(nullptr);
  EXPECT_EQ(take({buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size)}).step,
            Server::Step::kNothing)
      << "two servers would answer each other without end";
  std::size_t answered = 0;
  for (std::size_t i = 0; i < 3 * Server::kMaxChallenges; ++i) {
    answered += take(client.allocate(), kClient, Way::kDatagrams).step == Server::Step::kReply;
  }
  EXPECT_EQ(answered, Server::kMaxChallenges) << "within one second";
  pass(1s);
  EXPECT_EQ(take(client.allocate(), kClient, Way::kDatagrams).step, Server::Step::kReply);
}

TEST_F(TurnServer, a_request_with_half_its_credentials_makes_no_sense) {
  TurnClient client({"", "x"});
  client.set_nonce("nonce");
  client.set_realm("realm");
  std::array<std::uint8_t, 128> buffer{};
  const ice::IntegrityKey key("key");
  Writer writer(buffer, ice::StunClass::kRequest, kAllocate, {});
  const std::size_t size = writer.text(kRealm, "realm").finish(&key);
  const auto outcome = take({buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size)});
  ASSERT_EQ(outcome.step, Server::Step::kReply);
  EXPECT_EQ(reply[8 + 12 + 4 + 2], 4);
  EXPECT_EQ(reply[8 + 12 + 4 + 3], 0);
}

}  // namespace
}  // namespace meridian::turn
