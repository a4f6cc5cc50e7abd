// Handshakes of many at once: they neither delay media nor take more than their share of memory.
#include "node/handshake_queue.hpp"
#include "node/worker.hpp"
#include "unit/node/worker_fixture.hpp"

namespace meridian::node {
namespace {

using namespace test;

constexpr std::size_t kPerTurn = WorkerConfig::kHandshakesPerTurn;

class WorkerHandshakeTest : public WorkerTest {
 protected:
  /// A client that has done ICE, and its ClientHello.
  struct Newcomer {
    BedClient* client;
    PacketBytes hello;
  };
  static Newcomer arrive(WorkerBed& bed) {
    BedClient& client = bed.add_client();
    bed.open(client);
    client.peer->start(bed.now.monotonic);
    while (auto check = client.peer->poll_datagram()) {
      if (rtp::classify(*check) == rtp::PacketKind::kDtls) {
        return {&client, std::move(*check)};
      }
      bed.inject(0, client.address, std::move(*check));
    }
    ADD_FAILURE() << "the client doesn't begin";
    return {&client, {}};
  }
  static InboundDatagram datagram(WorkerBed& bed, const BedClient& from, PacketBytes& bytes) {
    return {.bytes = bytes, .from = from.address, .socket = 0, .received = bed.now.monotonic};
  }
  static std::size_t sent_to(WorkerBed& bed, const BedClient& client) {
    return static_cast<std::size_t>(
        std::ranges::count(bed.output().datagrams(), client.address,
                           [](const transport::OutboundDatagram& out) { return out.to; }));
  }
  static std::uint64_t in_progress(WorkerBed& bed) { return bed.counters().handshakes.value(); }
};

TEST_F(WorkerHandshakeTest, media_of_a_turn_goes_before_all_handshakes) {
  WorkerBed bed;
  BedClient& alice = bed.join();
  BedClient& bob = bed.join();
  publish(bed, alice);
  subscribe(bed, bob, Sample::kMicrophone);
  constexpr std::size_t kArrivals = 9;
  std::vector<Newcomer> newcomers;
  for (std::size_t i = 0; i < kArrivals; ++i) {
    newcomers.push_back(arrive(bed));
  }
  alice.peer->send_rtp(sample_.audio(1));
  PacketBytes audio = *alice.peer->poll_datagram();
  std::vector<InboundDatagram> batch;
  for (Newcomer& newcomer : newcomers) {
    batch.push_back(datagram(bed, *newcomer.client, newcomer.hello));
  }
  batch.push_back(datagram(bed, alice, audio));
  bed.worker().handle_datagrams(batch, bed.now);
  EXPECT_EQ(bed.output().datagrams().size(), 1U);
  EXPECT_EQ(sent_to(bed, bob), 1U);

  std::size_t turns = 0;
  bool has_more = true;
  while (has_more) {
    has_more = bed.worker().handle_handshakes(bed.now);
    ++turns;
    std::size_t answered = 0;
    for (const Newcomer& newcomer : newcomers) {
      answered += sent_to(bed, *newcomer.client) > 0 ? 1 : 0;
    }
    EXPECT_EQ(answered, std::min(turns * kPerTurn, kArrivals));
  }
  EXPECT_EQ(turns, (kArrivals + kPerTurn - 1) / kPerTurn);
  EXPECT_EQ(in_progress(bed), kArrivals);
  bed.command(0, forward::MutePublication{});  // flushes what waits in the batch
  bed.pump();
  for (const Newcomer& newcomer : newcomers) {
    EXPECT_TRUE(newcomer.client->peer->is_connected());
  }
  EXPECT_EQ(in_progress(bed), 0U);
}

TEST_F(WorkerHandshakeTest, whoever_comes_beyond_the_limit_waits_for_a_place) {
  WorkerBed bed(1, 2);
  std::vector<Newcomer> newcomers;
  for (int i = 0; i < 3; ++i) {
    newcomers.push_back(arrive(bed));
  }
  for (Newcomer& newcomer : newcomers) {
    bed.inject(0, newcomer.client->address, std::move(newcomer.hello));
  }
  EXPECT_EQ(in_progress(bed), 2U);
  EXPECT_EQ(bed.dropped(DropReason::kHandshakesFull), 1U);
  bed.pump();
  EXPECT_EQ(in_progress(bed), 0U);
  EXPECT_FALSE(newcomers[2].client->peer->is_connected());
  bed.run_for(3s);
  for (const Newcomer& newcomer : newcomers) {
    EXPECT_TRUE(newcomer.client->peer->is_connected());
  }
}

TEST_F(WorkerHandshakeTest, a_handshake_that_ends_otherwise_gives_its_place_back) {
  WorkerBed bed;
  Newcomer closed = arrive(bed);
  Newcomer silent = arrive(bed);
  bed.inject(0, closed.client->address, std::move(closed.hello));
  bed.inject(0, silent.client->address, std::move(silent.hello));
  EXPECT_EQ(in_progress(bed), 2U);
  bed.command(0, forward::CloseTransport{.transport = closed.client->id});
  EXPECT_EQ(in_progress(bed), 1U);
  bed.now.monotonic = bed.now.monotonic + dtls::Session::kHandshakeTime;
  bed.worker().handle_timeout(bed.now);
  EXPECT_EQ(in_progress(bed), 0U);
}

TEST_F(WorkerHandshakeTest, the_denied_give_their_place_back) {
  WorkerBed bed;
  Newcomer newcomer = arrive(bed);
  bed.inject(0, newcomer.client->address, std::move(newcomer.hello));
  bed.deny();
  EXPECT_EQ(in_progress(bed), 0U);
}

TEST_F(WorkerHandshakeTest, one_transport_has_its_share_of_what_waits) {
  WorkerBed bed;
  Newcomer newcomer = arrive(bed);
  constexpr std::size_t kMore = 3;
  std::vector<PacketBytes> garbage(HandshakeQueue::kMaxPerTransport + kMore,
                                   PacketBytes{22, 254, 253, 0, 0});
  std::vector<InboundDatagram> batch;
  for (PacketBytes& bytes : garbage) {
    batch.push_back(datagram(bed, *newcomer.client, bytes));
  }
  bed.worker().handle_datagrams(batch, bed.now);
  EXPECT_EQ(bed.dropped(DropReason::kHandshakesFull), kMore);
}

TEST_F(WorkerHandshakeTest, what_waits_is_not_taken_under_a_policy_that_moved) {
  WorkerBed bed;
  Newcomer newcomer = arrive(bed);
  const std::array batch = {datagram(bed, *newcomer.client, newcomer.hello)};
  bed.worker().handle_datagrams(batch, bed.now);
  bed.advance();
  EXPECT_FALSE(bed.worker().handle_handshakes(bed.now));
  EXPECT_EQ(in_progress(bed), 0U);
  bed.allow();
  EXPECT_FALSE(bed.worker().handle_handshakes(bed.now));
  EXPECT_EQ(in_progress(bed), 1U);
}

TEST_F(WorkerHandshakeTest, what_waits_for_a_closed_transport_is_dropped) {
  WorkerBed bed;
  Newcomer newcomer = arrive(bed);
  const std::array batch = {datagram(bed, *newcomer.client, newcomer.hello)};
  bed.worker().handle_datagrams(batch, bed.now);
  bed.command(0, forward::CloseTransport{.transport = newcomer.client->id});
  EXPECT_FALSE(bed.worker().handle_handshakes(bed.now));
  EXPECT_EQ(bed.dropped(DropReason::kTransportClosed), 1U);
}

TEST_F(WorkerHandshakeTest, an_oversized_record_does_not_wait) {
  WorkerBed bed;
  Newcomer newcomer = arrive(bed);
  bed.inject(0, newcomer.client->address, PacketBytes(transport::Transport::kMaxDatagram + 1, 22));
  EXPECT_EQ(bed.dropped(DropReason::kOversized), 1U);
}

TEST(HandshakeQueue, is_first_in_first_out_and_bounded) {
  HandshakeQueue queue;
  EXPECT_EQ(queue.front(), nullptr);
  const auto id = [](std::size_t i) { return TransportId(static_cast<std::uint32_t>(i)); };
  const auto fill = [&](std::size_t from, std::size_t count) {
    for (std::size_t i = from; i < from + count; ++i) {
      const std::array bytes{static_cast<std::uint8_t>(i)};
      EXPECT_TRUE(queue.push(id(i), {}, bytes));
    }
  };
  const auto drain = [&](std::size_t from, std::size_t count) {
    for (std::size_t i = from; i < from + count; ++i) {
      ASSERT_NE(queue.front(), nullptr);
      EXPECT_EQ(queue.front()->transport, id(i));
      EXPECT_EQ(queue.front()->bytes()[0], static_cast<std::uint8_t>(i));
      queue.pop();
    }
  };
  constexpr std::size_t kAll = HandshakeQueue::kMaxWaiting;
  fill(0, kAll);
  EXPECT_FALSE(queue.push(TransportId(1), {}, {}));
  drain(0, kAll / 2);
  fill(kAll, kAll / 2);  // around the end
  EXPECT_FALSE(queue.push(TransportId(1), {}, {}));
  drain(kAll / 2, kAll);
  EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace meridian::node
