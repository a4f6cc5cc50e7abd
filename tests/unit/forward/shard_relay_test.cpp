#include <gtest/gtest.h>

#include "forward/relay_sink.hpp"
#include "forward/shard.hpp"
#include "rtp/vp8.hpp"
#include "unit/forward/shard_bed.hpp"

namespace meridian::forward {
namespace {

using test::Client;
using test::Meeting;
using test::token;
using test::view;

/// Hands what waits in a ring from that worker to the shard behind it.
void drain(RelayRing& ring, test::ShardBed& bed, WorkerIndex from) {
  while (const RelaySlot* slot = ring.front()) {
    bed.shard.handle_relay(from, *slot, bed.now);
    ring.pop();
  }
  bed.shard.flush(bed.now);
  bed.pump();
}

// Two shards in one process: publisher on the first, subscribers on the second.
class ShardRelayTest : public testing::Test {
 protected:
  static constexpr WorkerIndex kFirst{0};
  static constexpr WorkerIndex kSecond{1};

  void open(PublicationId publication, rtp::MediaKind kind) {
    residency::RelayAdmission admission = office_.relay();
    first_.shard.open_relay_source(
        {.publication = publication, .to = kSecond, .permit = std::move(admission.source)});
    second_.shard.open_relay_sink({.publication = publication,
                                   .room = RoomNumber(1),
                                   .kind = kind,
                                   .from = kFirst,
                                   .permit = std::move(admission.sink)});
  }
  void exchange() {
    for (int i = 0; i < 3; ++i) {
      drain(forth_, second_, kFirst);
      drain(back_, first_, kSecond);
    }
  }
  void run_for(Duration duration) {
    for (Duration passed{}; passed < duration; passed += 10ms) {
      first_.run_for(10ms);
      second_.run_for(10ms);
      exchange();
    }
  }

  RelayRing forth_{64};
  RelayRing back_{64};
  test::ShardBed first_{{nullptr, &forth_}};
  test::ShardBed second_{{&back_, nullptr}};
  meridian::test::PermitOffice office_;
  Meeting source_{first_};
  Meeting sink_{second_};
  Client& alice_ = first_.join();
  Client& bob_ = second_.join();
};

TEST_F(ShardRelayTest, nothing_crosses_before_somebody_wants_it) {
  source_.publish(alice_);
  open(Meeting::kMicrophone, rtp::MediaKind::kAudio);
  first_.send(alice_, source_.audio(1));
  EXPECT_EQ(forth_.front(), nullptr);
  EXPECT_EQ(first_.shard.take_wakes(), 0U);
}

TEST_F(ShardRelayTest, audio_crosses_with_level_and_time) {
  source_.publish(alice_);
  open(Meeting::kMicrophone, rtp::MediaKind::kAudio);
  sink_.subscribe(bob_, Meeting::kMicrophone, 1);
  exchange();
  first_.send(alice_, source_.audio(1, 44));
  EXPECT_EQ(first_.shard.take_wakes(), 0b10U);
  exchange();
  const auto packets = bob_.take_rtp();
  ASSERT_EQ(packets.size(), 1U);
  EXPECT_EQ(view(packets[0]).extension(4)[0], 44);
  EXPECT_EQ(view(packets[0]).timestamp(), RtpTimestamp(960));
  EXPECT_EQ(second_.counters.in(metrics::Traffic::kRelay).packets.value(), 1U);
}

TEST_F(ShardRelayTest, a_key_frame_wish_reaches_the_publisher) {
  source_.publish(alice_);
  open(Meeting::kCamera, rtp::MediaKind::kVideo);
  first_.send(alice_, source_.video(1, true));
  (void)alice_.take_picture_losses();
  sink_.subscribe(bob_, Meeting::kCamera, 1);
  exchange();
  EXPECT_EQ(alice_.take_picture_losses(), std::vector<Ssrc>{Ssrc(200)});
  first_.send(alice_, source_.video(2, true));
  first_.send(alice_, source_.video(3, false));
  exchange();
  EXPECT_EQ(bob_.take_rtp().size(), 2U);
}

TEST_F(ShardRelayTest, only_wanted_layers_cross_and_a_switch_is_seamless) {
  source_.publish(alice_, {token("q"), token("h"), token("f")});
  open(Meeting::kCamera, rtp::MediaKind::kVideo);
  sink_.subscribe(bob_, Meeting::kCamera, 1);
  const auto send = [&](std::uint16_t number, bool is_key) {
    first_.send(alice_, source_.video(number, is_key, 0, "q"));
    first_.send(alice_, source_.video(number, is_key, 1, "h"));
    first_.send(alice_, source_.video(number, is_key, 2, "f"));
    run_for(30ms);
  };
  exchange();
  for (std::uint16_t i = 1; i <= 10; ++i) {
    send(i, i == 1 || i == 5);
  }
  EXPECT_GE(bob_.take_rtp().size(), 6U);
  second_.shard.set_subscription(
      {.subscription = SubscriptionId(1),
       .target = {.is_enabled = true, .max_spatial = 0, .max_temporal = 7}},
      second_.now);
  exchange();
  (void)first_.take_events<LayersWanted>();
  send(11, false);
  EXPECT_EQ(bob_.take_rtp().size(), 1U);  // still the high layer
  send(12, true);
  send(13, false);
  const auto packets = bob_.take_rtp();
  ASSERT_GE(packets.size(), 2U);
  run_for(1100ms);
  const auto crossed = first_.counters.out(metrics::Traffic::kRelay).packets.value();
  send(14, false);
  EXPECT_EQ(first_.counters.out(metrics::Traffic::kRelay).packets.value(), crossed + 1);
}

// A higher layer comes before its key frame does: until then the lower one is still needed.
TEST_F(ShardRelayTest, a_layer_crosses_until_its_subscribers_can_leave_it) {
  source_.publish(alice_, {token("q"), token("h")});
  open(Meeting::kCamera, rtp::MediaKind::kVideo);
  sink_.subscribe(bob_, Meeting::kCamera, 1);
  exchange();
  first_.send(alice_, source_.video(1, true, 0, "q"));
  exchange();
  EXPECT_EQ(bob_.take_rtp().size(), 1U);
  first_.send(alice_, source_.video(2, false, 1, "h"));
  first_.send(alice_, source_.video(2, false, 0, "q"));
  exchange();
  EXPECT_EQ(bob_.take_rtp().size(), 1U);
}

TEST_F(ShardRelayTest, the_source_learns_what_is_wanted_and_that_nobody_watches_any_more) {
  source_.publish(alice_, {token("q"), token("h"), token("f")});
  open(Meeting::kCamera, rtp::MediaKind::kVideo);
  sink_.subscribe(bob_, Meeting::kCamera, 1);
  exchange();
  auto wanted = first_.take_events<LayersWanted>();
  ASSERT_FALSE(wanted.empty());
  EXPECT_EQ(wanted.back().max_spatial, 2);
  second_.shard.unsubscribe(SubscriptionId(1));
  run_for(200ms);
  wanted = first_.take_events<LayersWanted>();
  ASSERT_FALSE(wanted.empty());
  EXPECT_FALSE(wanted.back().is_wanted);
  EXPECT_TRUE(second_.take_events<LayersWanted>().empty());
}

TEST_F(ShardRelayTest, the_ends_can_be_opened_in_any_order) {
  residency::RelayAdmission admission = office_.relay();
  second_.shard.open_relay_sink({.publication = Meeting::kMicrophone,
                                 .room = RoomNumber(1),
                                 .kind = rtp::MediaKind::kAudio,
                                 .from = kFirst,
                                 .permit = std::move(admission.sink)});
  sink_.subscribe(bob_, Meeting::kMicrophone, 1);
  exchange();
  source_.publish(alice_);
  first_.shard.open_relay_source(
      {.publication = Meeting::kMicrophone, .to = kSecond, .permit = std::move(admission.source)});
  run_for(300ms);
  first_.send(alice_, source_.audio(1));
  exchange();
  EXPECT_EQ(bob_.take_rtp().size(), 1U);
}

TEST_F(ShardRelayTest, a_full_ring_drops_and_counts) {
  source_.publish(alice_);
  open(Meeting::kMicrophone, rtp::MediaKind::kAudio);
  sink_.subscribe(bob_, Meeting::kMicrophone, 1);
  exchange();
  for (std::uint16_t i = 0; i < 70; ++i) {
    first_.send(alice_, source_.audio(i));
  }
  EXPECT_EQ(
      first_.counters.dropped[static_cast<std::size_t>(metrics::DropReason::kRelayFull)].value(),
      6U);
  exchange();
  EXPECT_EQ(bob_.take_rtp().size(), 64U);
}

TEST_F(ShardRelayTest, the_publishers_clock_crosses) {
  source_.publish(alice_);
  open(Meeting::kMicrophone, rtp::MediaKind::kAudio);
  sink_.subscribe(bob_, Meeting::kMicrophone, 1);
  exchange();
  first_.send(alice_, source_.audio(1));
  alice_.send_rtcp([](rtcp::CompoundWriter& writer) {
    rtcp::SenderReport report;
    report.sender = Ssrc(100);
    report.ntp = rtcp::NtpTime(5ULL << 32U);
    report.rtp = RtpTimestamp(960);
    std::span<const rtcp::ReportBlock> none;
    (void)writer.add_sender_report(report, none);
  });
  first_.pump();
  run_for(300ms);
  const auto reports = bob_.take_rtcp<rtcp::SenderReport, Ssrc>(
      [](const rtcp::SenderReport& report) { return report.sender; });
  EXPECT_EQ(reports, std::vector<Ssrc>{Ssrc(1001)});
}

TEST_F(ShardRelayTest, relays_that_the_policy_denies_are_closed) {
  source_.publish(alice_);
  open(Meeting::kMicrophone, rtp::MediaKind::kAudio);
  sink_.subscribe(bob_, Meeting::kMicrophone, 1);
  exchange();
  const residency::PolicySnapshot nothing(1, {});
  second_.shard.readmit_relays(nothing);
  EXPECT_EQ(second_.counters.publications.value(), 0U);
  first_.shard.readmit_relays(nothing);
  first_.send(alice_, source_.audio(1));
  EXPECT_EQ(forth_.front(), nullptr);
}

TEST_F(ShardRelayTest, frames_from_a_stranger_are_ignored) {
  open(Meeting::kMicrophone, rtp::MediaKind::kAudio);
  sink_.subscribe(bob_, Meeting::kMicrophone, 1);
  RelaySlot slot;
  slot.epoch = PolicyEpoch(1);
  slot.publication = Meeting::kMicrophone;
  slot.clock_rate = 48'000;
  MediaPacket packet = test::media(70'000, 0, second_.now, rtp::Codec::kOpus);
  const std::array<std::uint8_t, 4> payload = {1, 2, 3, 4};
  packet.payload = payload;
  ASSERT_TRUE(write_relay_media(packet, slot));
  second_.shard.handle_relay(WorkerIndex(7), slot, second_.now);
  second_.shard.flush(second_.now);
  second_.pump();
  EXPECT_TRUE(bob_.take_rtp().empty());
}

TEST_F(ShardRelayTest, an_epoch_older_than_the_permit_is_refused) {
  open(Meeting::kMicrophone, rtp::MediaKind::kAudio);
  RelaySlot slot;
  slot.publication = Meeting::kMicrophone;
  slot.epoch = PolicyEpoch(0);
  second_.shard.handle_relay(kFirst, slot, second_.now);
  EXPECT_EQ(second_.counters.dropped[static_cast<std::size_t>(metrics::DropReason::kMalformedRtp)]
                .value(),
            1U);
}

// ---- What passed

TEST_F(ShardRelayTest, both_ends_count_to_the_byte_even_what_is_in_the_ring_at_the_end) {
  source_.publish(alice_);
  open(Meeting::kMicrophone, rtp::MediaKind::kAudio);
  sink_.subscribe(bob_, Meeting::kMicrophone, 1);
  exchange();
  for (std::uint16_t i = 1; i <= 5; ++i) {
    first_.send(alice_, source_.audio(i));
  }
  exchange();
  first_.send(alice_, source_.audio(6));
  first_.send(alice_, source_.audio(7));  // these two are in the ring when the sink closes
  second_.shard.unpublish(Meeting::kMicrophone);
  first_.shard.close_relay_source({.publication = Meeting::kMicrophone, .to = kSecond});
  run_for(ClosedSinks::kLinger + 50ms);
  const auto sent = first_.take_events<RelayTransit>();
  const auto received = second_.take_events<RelayTransit>();
  ASSERT_EQ(sent.size(), 1U);
  ASSERT_EQ(received.size(), 1U);
  EXPECT_TRUE(sent[0].is_final && received[0].is_final);
  EXPECT_EQ(sent[0].peer, kSecond);
  EXPECT_EQ(received[0].peer, kFirst);
  EXPECT_EQ(sent[0].room, RoomNumber(1));
  const auto& out = sent[0].counts.at(metrics::TransitKind::kRtp, metrics::Direction::kOut);
  const auto& in = received[0].counts.at(metrics::TransitKind::kRtp, metrics::Direction::kIn);
  EXPECT_EQ(out.packets, 7U);
  EXPECT_GT(out.bytes, 0U);
  EXPECT_EQ(out, in);
}

TEST_F(ShardRelayTest, what_crosses_is_reported_while_it_does) {
  source_.publish(alice_);
  open(Meeting::kMicrophone, rtp::MediaKind::kAudio);
  sink_.subscribe(bob_, Meeting::kMicrophone, 1);
  exchange();
  first_.send(alice_, source_.audio(1));
  run_for(Shard::kTransitInterval + 50ms);
  metrics::TransitCounts sent;
  metrics::TransitCounts received;
  for (const RelayTransit& report : first_.take_events<RelayTransit>()) {
    EXPECT_FALSE(report.is_final);
    sent += report.counts;
  }
  for (const RelayTransit& report : second_.take_events<RelayTransit>()) {
    received += report.counts;
  }
  EXPECT_EQ(sent.at(metrics::TransitKind::kRtp, metrics::Direction::kOut).packets, 1U);
  EXPECT_EQ(received.at(metrics::TransitKind::kRtp, metrics::Direction::kIn).packets, 1U);
  run_for(Shard::kTransitInterval + 50ms);
  EXPECT_TRUE(first_.take_events<RelayTransit>().empty());  // nothing new
}

// A track of one room in another one, on the same worker and on the next.
class ShardForwardTest : public testing::Test {
 protected:
  static constexpr WorkerIndex kFirst{0};
  static constexpr WorkerIndex kSecond{1};
  static constexpr PublicationId kCopy{77};
  static constexpr RoomNumber kOther{2};

  void forward(WorkerIndex to, PublicationId sink, RoomNumber room) {
    residency::RelayAdmission admission = office_.relay();
    first_.shard.open_relay_source({.publication = Meeting::kCamera,
                                    .to = to,
                                    .permit = std::move(admission.source),
                                    .sink = sink,
                                    .room = room});
    test::ShardBed& there = to == kFirst ? first_ : second_;
    there.shard.open_relay_sink({.publication = sink,
                                 .room = room,
                                 .kind = rtp::MediaKind::kVideo,
                                 .from = kFirst,
                                 .permit = std::move(admission.sink),
                                 .source = Meeting::kCamera});
  }
  /// A subscription of the other room.
  void watch(test::ShardBed& bed, Client& client) {
    Subscribe wish = source_.subscription(client, Meeting::kCamera, 1);
    wish.publication = kCopy;
    bed.shard.subscribe(wish, bed.now);
    bed.pump();
  }
  void exchange() {
    for (int i = 0; i < 3; ++i) {
      drain(own_, first_, kFirst);
      drain(forth_, second_, kFirst);
      drain(back_, first_, kSecond);
    }
  }

  RelayRing own_{64};
  RelayRing forth_{64};
  RelayRing back_{64};
  test::ShardBed first_{{&own_, &forth_}};
  test::ShardBed second_{{&back_, nullptr}};
  meridian::test::PermitOffice office_;
  Meeting source_{first_};
  Client& alice_ = first_.join();
  Client& bob_ = first_.join();
  Client& carol_ = second_.join();
};

TEST_F(ShardForwardTest, another_room_of_the_worker_gets_the_track_under_its_own_number) {
  source_.publish(alice_);
  forward(kFirst, kCopy, kOther);
  watch(first_, bob_);
  exchange();
  const auto wanted = first_.take_events<LayersWanted>();
  ASSERT_FALSE(wanted.empty());
  EXPECT_EQ(wanted.back().publication, Meeting::kCamera) << "its publisher sends for both rooms";
  first_.send(alice_, source_.video(1, false));
  exchange();
  for (int i = 0; i < 12; ++i) {  // the first wish was from before there was anything to ask for
    first_.run_for(Shard::kSelectionInterval);
    exchange();
  }
  EXPECT_FALSE(alice_.take_picture_losses().empty()) << "bob waits for a key frame";
  first_.send(alice_, source_.video(2, true));
  first_.send(alice_, source_.video(3, false));
  exchange();
  EXPECT_EQ(bob_.take_rtp().size(), 2U);

  first_.shard.close_relay_source({.publication = Meeting::kCamera, .to = kFirst, .sink = kCopy});
  first_.shard.unpublish(kCopy);
  first_.send(alice_, source_.video(4, true));
  exchange();
  EXPECT_TRUE(bob_.take_rtp().empty());
  first_.run_for(ClosedSinks::kLinger + 50ms);
  metrics::TransitCounts sent;
  metrics::TransitCounts received;
  for (const RelayTransit& report : first_.take_events<RelayTransit>()) {
    EXPECT_EQ(report.publication, kCopy);
    EXPECT_EQ(report.room, kOther) << "it is the other room that it passes for";
    (report.is_source ? sent : received) += report.counts;
  }
  const auto& out = sent.at(metrics::TransitKind::kRtp, metrics::Direction::kOut);
  EXPECT_GE(out.packets, 2U);
  EXPECT_EQ(out, received.at(metrics::TransitKind::kRtp, metrics::Direction::kIn));
}

TEST_F(ShardForwardTest, two_rooms_of_a_worker_want_what_each_of_them_does) {
  source_.publish(alice_);
  forward(kSecond, Meeting::kCamera, RoomNumber(1));
  forward(kSecond, kCopy, kOther);
  watch(second_, carol_);
  exchange();
  first_.send(alice_, source_.video(1, true));
  first_.send(alice_, source_.video(2, false));
  exchange();
  EXPECT_EQ(carol_.take_rtp().size(), 2U);
  EXPECT_EQ(first_.counters.out(metrics::Traffic::kRelay).packets.value(), 2U)
      << "nobody of the first room watches there";
  second_.shard.unpublish(Meeting::kCamera);
  first_.shard.close_relay_source({.publication = Meeting::kCamera, .to = kSecond});
  first_.send(alice_, source_.video(3, false));
  exchange();
  EXPECT_EQ(carol_.take_rtp().size(), 1U) << "the relay of the other room is still there";
}

}  // namespace
}  // namespace meridian::forward
