#include "node/worker.hpp"

#include "unit/node/worker_fixture.hpp"

namespace meridian::node {
namespace {

using namespace test;

TEST_F(WorkerTest, two_peers_meet_through_one_worker) {
  WorkerBed bed;
  BedClient& alice = bed.join();
  BedClient& bob = bed.join();
  publish(bed, alice);
  subscribe(bed, bob, Sample::kMicrophone, 1);
  subscribe(bed, bob, Sample::kCamera, 2);
  bed.send(alice, sample_.audio(1));
  bed.send(alice, sample_.video(1, true));
  bed.send(alice, sample_.video(2, false));
  EXPECT_EQ(bob.take_rtp().size(), 3U);
  EXPECT_TRUE(alice.take_rtp().empty());
  EXPECT_EQ(bob.peer->srtp_refused(), 0U);
  EXPECT_EQ(bed.counters().in(metrics::Traffic::kRtpVideo).packets.value(), 2U);
  EXPECT_EQ(bed.counters().out(metrics::Traffic::kRtpAudio).packets.value(), 1U);
  EXPECT_EQ(bed.counters().transports.value(), 2U);
}

TEST_F(WorkerTest, two_peers_meet_through_two_workers) {
  WorkerBed bed(2);
  BedClient& alice = bed.join(0);
  BedClient& bob = bed.join(1);
  publish(bed, alice);
  for (const bool is_video : {false, true}) {
    residency::RelayAdmission admission = bed.office.relay();
    const PublicationId id = is_video ? Sample::kCamera : Sample::kMicrophone;
    bed.command(
        0, forward::OpenRelaySource{
               .publication = id, .to = WorkerIndex(1), .permit = std::move(admission.source)});
    bed.command(1, forward::OpenRelaySink{
                       .publication = id,
                       .room = RoomNumber(1),
                       .kind = is_video ? rtp::MediaKind::kVideo : rtp::MediaKind::kAudio,
                       .from = WorkerIndex(0),
                       .permit = std::move(admission.sink)});
  }
  subscribe(bed, bob, Sample::kMicrophone, 1);
  subscribe(bed, bob, Sample::kCamera, 2);
  bed.send(alice, sample_.audio(1));
  bed.send(alice, sample_.video(1, true));
  bed.send(alice, sample_.video(2, false));
  EXPECT_EQ(bob.take_rtp().size(), 3U);
  EXPECT_EQ(bed.counters(1).in(metrics::Traffic::kRelay).packets.value(), 3U);
}

TEST_F(WorkerTest, tells_how_busy_it_is) {
  WorkerBed bed;
  bed.worker().handle_load({.level = forward::LoadLevel::kStrained, .share = 0.93F, .turn = 2ms});
  const auto loads = bed.take_events<forward::WorkerLoad>();
  ASSERT_EQ(loads.size(), 1U);
  EXPECT_EQ(loads[0].level, forward::LoadLevel::kStrained);
  EXPECT_EQ(bed.counters().load_level.value(), 2U);
  EXPECT_EQ(bed.counters().load_share.value(), 930U);
}

TEST_F(WorkerTest, tells_how_a_transport_gets_on) {
  WorkerBed bed;
  BedClient& alice = bed.join();
  const auto states = bed.take_events<forward::TransportStateChanged>();
  ASSERT_EQ(states.size(), 2U);
  EXPECT_EQ(states[0].transport, alice.id);
  EXPECT_EQ(states[0].state, transport::TransportState::kIceConnected);
  EXPECT_EQ(states[1].state, transport::TransportState::kConnected);
  EXPECT_TRUE(bed.worker().take_events().empty());
}

TEST_F(WorkerTest, carries_sctp_both_ways) {
  WorkerBed bed;
  BedClient& alice = bed.join();
  alice.peer->send_sctp(std::vector<std::uint8_t>{1, 2, 3});
  bed.pump();
  const auto events = bed.take_events<forward::SctpPacketReceived>();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].packet, (std::vector<std::uint8_t>{1, 2, 3}));
  bed.command(0, forward::SendSctpPacket{.transport = alice.id, .packet = {4, 5}});
  bed.pump();
  EXPECT_EQ(alice.peer->poll_sctp(), (std::vector<std::uint8_t>{4, 5}));
}

TEST_F(WorkerTest, a_closed_transport_says_goodbye_and_then_nothing) {
  WorkerBed bed;
  BedClient& alice = bed.join();
  bed.command(0, forward::CloseTransport{.transport = alice.id});
  EXPECT_TRUE(alice.peer->is_failed());
  EXPECT_TRUE(bed.worker().may_send(alice.id, bed.now.monotonic));
  bed.run_for(200ms);
  EXPECT_FALSE(bed.worker().may_send(alice.id, bed.now.monotonic));
  const std::size_t before = alice.datagrams;
  bed.send(alice, sample_.audio(1));
  EXPECT_EQ(alice.datagrams, before);
  EXPECT_EQ(bed.counters().transports.value(), 0U);
  bed.run_for(20ms);
  EXPECT_TRUE(bed.worker().next_timeout().is_never());
}

// ---- Strangers and floods

TEST_F(WorkerTest, strangers_get_no_answer) {
  WorkerBed bed;
  BedClient& alice = bed.join();
  const std::size_t before = alice.datagrams;
  const SocketAddress stranger{IpAddress::v4({203, 0, 113, 9}), 9};
  bed.inject(0, stranger, {0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3});
  bed.inject(0, stranger, {22, 254, 253, 0, 0});
  bed.inject(0, stranger, {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42});
  bed.inject(0, stranger, {255, 1, 2, 3});
  bed.inject(0, stranger, {});
  bed.inject(0, stranger, {64, 0, 0, 4, 1, 2, 3, 4});  // ChannelData of TURN: not ours
  EXPECT_EQ(bed.dropped(DropReason::kUnknownTuple), 2U);
  EXPECT_EQ(bed.dropped(DropReason::kUnknownProtocol), 3U);
  EXPECT_EQ(bed.dropped(DropReason::kStunMalformed), 1U);
  EXPECT_EQ(alice.datagrams, before);
  EXPECT_TRUE(bed.output().empty());
}

TEST_F(WorkerTest, a_flood_is_cut_before_decryption) {
  WorkerBed bed;
  BedClient& alice = bed.join();
  publish(bed, alice);
  for (int i = 0; i < 6000; ++i) {
    bed.inject(0, alice.address, {0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3});
  }
  EXPECT_EQ(bed.dropped(DropReason::kRateLimited), 6000U - forward::Peer::kMaxPacketRate);
  bed.run_for(1s);
  bed.send(alice, sample_.audio(1));
  EXPECT_EQ(bed.counters().in(metrics::Traffic::kRtpAudio).packets.value(), 1U);
}

TEST_F(WorkerTest, packets_with_a_wrong_tag_are_only_counted) {
  WorkerBed bed;
  BedClient& alice = bed.join();
  publish(bed, alice);
  bed.inject(0, alice.address, std::vector<std::uint8_t>(60, 0x80));
  EXPECT_EQ(bed.dropped(DropReason::kSrtpAuthFailed), 1U);
  bed.send(alice, sample_.audio(1));
  EXPECT_EQ(bed.counters().in(metrics::Traffic::kRtpAudio).packets.value(), 1U);
}

TEST_F(WorkerTest, an_ice_restart_keeps_the_media) {
  WorkerBed bed;
  BedClient& alice = bed.join();
  BedClient& bob = bed.join();
  publish(bed, alice);
  subscribe(bed, bob, Sample::kMicrophone);
  const ice::Credentials server{"server-again", "server-password-again"};
  const ice::Credentials local{"client-again", "client-password-again"};
  bed.command(0, forward::RestartIce{.transport = bob.id, .local = server, .remote = local});
  bob.address.port = 6000;
  bob.peer->restart_ice(local, server, bed.now.monotonic);
  bed.pump();
  bed.send(alice, sample_.audio(1));
  EXPECT_EQ(bob.take_rtp().size(), 1U);
}

TEST_F(WorkerTest, an_idle_worker_wants_no_timer) {
  WorkerBed bed;
  EXPECT_TRUE(bed.worker().next_timeout().is_never());
  bed.join();
  EXPECT_FALSE(bed.worker().next_timeout().is_never());
}

TEST_F(WorkerTest, timers_look_at_nobody_for_whom_nothing_is_due) {
  WorkerBed bed;
  BedClient& alice = bed.join();
  publish(bed, alice);
  constexpr std::uint64_t kListeners = 50;
  for (std::uint64_t i = 0; i < kListeners; ++i) {
    subscribe(bed, bed.join(), Sample::kMicrophone, static_cast<std::uint32_t>(i + 1));
  }
  const auto talk = [&](std::uint16_t from, std::uint16_t count) {
    for (std::uint16_t number = from; number < from + count; ++number) {
      bed.send(alice, sample_.audio(number));
      bed.run_for(20ms);
    }
  };
  talk(1, 200);
  const std::uint64_t before = bed.counters().peers_looked_at.value();
  talk(201, 150);
  const std::uint64_t looks = bed.counters().peers_looked_at.value() - before;
  // In three seconds everybody once a second, and once because of somebody's consent. Only the
  // speaker is in the ticks between, at most in each.
  EXPECT_LE(looks, (kListeners + 1) * 4 + 300);
  EXPECT_GE(looks, kListeners * 3);
}

TEST_F(WorkerTest, ticks_are_as_rare_as_what_is_due) {
  WorkerBed bed;
  BedClient& alice = bed.join();
  publish(bed, alice);
  subscribe(bed, bed.join(), Sample::kMicrophone);
  bed.run_for(3s);
  std::size_t ticks = 0;
  for (const Instant end = bed.now.monotonic + 2s; bed.now.monotonic < end; ++ticks) {
    const Instant next = bed.worker().next_timeout();
    ASSERT_GT(next, bed.now.monotonic);
    bed.now.monotonic = next;
    bed.worker().handle_timeout(bed.now);
  }
  EXPECT_LE(ticks, 50U);  // layers ten times a second, speakers, rates and reports
}

}  // namespace
}  // namespace meridian::node
