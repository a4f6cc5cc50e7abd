#include "forward/shard.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "unit/forward/shard_bed.hpp"

namespace meridian::forward {
namespace {

using test::Client;
using test::Meeting;
using test::view;

class ShardTest : public testing::Test {
 protected:
  test::ShardBed bed_;
  Meeting meeting_{bed_};
};

TEST_F(ShardTest, audio_is_forwarded_at_once) {
  Client& alice = bed_.join();
  Client& bob = bed_.join();
  meeting_.publish(alice);
  meeting_.subscribe(bob, Meeting::kMicrophone, 1);
  bed_.send(alice, meeting_.audio(10));
  bed_.send(alice, meeting_.audio(11));
  const auto packets = bob.take_rtp();
  ASSERT_EQ(packets.size(), 2U);
  EXPECT_EQ(view(packets[0]).ssrc(), Ssrc(1001));
  EXPECT_EQ(view(packets[0]).payload_type(), PayloadType(112));
  EXPECT_EQ(view(packets[1]).sequence(), view(packets[0]).sequence().next());
  EXPECT_EQ(view(packets[1]).timestamp().value() - view(packets[0]).timestamp().value(), 960U);
  EXPECT_TRUE(alice.take_rtp().empty());
}

TEST_F(ShardTest, a_new_subscriber_to_video_asks_for_a_key_frame_and_waits_for_it) {
  Client& alice = bed_.join();
  Client& bob = bed_.join();
  meeting_.publish(alice);
  bed_.send(alice, meeting_.video(1, true));
  bed_.run_for(Publication::kMaxReplay + 20ms);
  bed_.send(alice, meeting_.video(2, false));
  meeting_.subscribe(bob, Meeting::kCamera, 1);
  EXPECT_EQ(alice.take_picture_losses(), std::vector<Ssrc>{Ssrc(200)});
  bed_.send(alice, meeting_.video(3, false));
  EXPECT_TRUE(bob.take_rtp().empty());
  bed_.send(alice, meeting_.video(4, true));
  bed_.send(alice, meeting_.video(5, false));
  EXPECT_EQ(bob.take_rtp().size(), 2U);
}

TEST_F(ShardTest, a_muted_publisher_is_not_asked_for_key_frames) {
  Client& alice = bed_.join();
  Client& bob = bed_.join();
  meeting_.publish(alice);
  bed_.send(alice, meeting_.video(1, true));
  bed_.shard.mute({.publication = Meeting::kCamera, .is_muted = true});
  meeting_.subscribe(bob, Meeting::kCamera, 1);
  bed_.run_for(2s);
  EXPECT_TRUE(alice.take_picture_losses().empty());
}

TEST_F(ShardTest, an_ssrc_that_is_used_again_goes_on_where_it_was) {
  Client& alice = bed_.join();
  Client& bob = bed_.join();
  meeting_.publish(alice);
  meeting_.subscribe(bob, Meeting::kMicrophone, 1);
  bed_.send(alice, meeting_.audio(10));
  bed_.shard.unsubscribe(SubscriptionId(1));
  bed_.send(alice, meeting_.audio(11));
  meeting_.subscribe(bob, Meeting::kMicrophone, 1);
  bed_.send(alice, meeting_.audio(12));
  const auto packets = bob.take_rtp();
  ASSERT_EQ(packets.size(), 2U);
  EXPECT_EQ(view(packets[1]).sequence(), view(packets[0]).sequence().next());
  EXPECT_EQ(bob.peer->srtp_refused(), 0U);
}

TEST_F(ShardTest, tells_which_layers_are_wanted_when_that_changes) {
  Client& alice = bed_.join();
  Client& bob = bed_.join();
  Client& carol = bed_.join();
  meeting_.publish(alice, {test::token("q"), test::token("h"), test::token("f")});
  EXPECT_TRUE(bed_.take_events<LayersWanted>().empty());
  meeting_.subscribe(bob, Meeting::kCamera, 1);
  meeting_.subscribe(carol, Meeting::kCamera, 2);
  auto wanted = bed_.take_events<LayersWanted>();
  ASSERT_EQ(wanted.size(), 1U);
  EXPECT_TRUE(wanted[0].is_wanted);
  EXPECT_EQ(wanted[0].max_spatial, 2);
  const LayerTarget low{.is_enabled = true, .max_spatial = 0, .max_temporal = 7};
  bed_.shard.set_subscription({.subscription = SubscriptionId(1), .target = low}, bed_.now);
  EXPECT_TRUE(bed_.take_events<LayersWanted>().empty());
  bed_.shard.set_subscription({.subscription = SubscriptionId(2), .target = low}, bed_.now);
  wanted = bed_.take_events<LayersWanted>();
  ASSERT_EQ(wanted.size(), 1U);
  EXPECT_EQ(wanted[0].max_spatial, 0);
  bed_.shard.unsubscribe(SubscriptionId(1));
  bed_.shard.unsubscribe(SubscriptionId(2));
  bed_.run_for(200ms);
  wanted = bed_.take_events<LayersWanted>();
  ASSERT_EQ(wanted.size(), 1U);
  EXPECT_FALSE(wanted[0].is_wanted);
}

TEST_F(ShardTest, says_who_speaks_and_who_stops) {
  Client& alice = bed_.join();
  meeting_.publish(alice);
  std::uint16_t sequence = 1;
  for (int i = 0; i < 50; ++i) {
    bed_.send(alice, meeting_.audio(sequence++, 10));
    bed_.run_for(20ms);
  }
  auto changes = bed_.take_events<SpeakersChanged>();
  ASSERT_FALSE(changes.empty());
  EXPECT_EQ(changes[0].room, RoomNumber(1));
  EXPECT_EQ(changes[0].speakers.at(0).publication, Meeting::kMicrophone);
  EXPECT_TRUE(changes[0].speakers[0].is_active);
  for (int i = 0; i < 100; ++i) {
    bed_.send(alice, meeting_.audio(sequence++, 127));
    bed_.run_for(20ms);
  }
  changes = bed_.take_events<SpeakersChanged>();
  ASSERT_FALSE(changes.empty());
  EXPECT_FALSE(changes.back().speakers.at(0).is_active);
}

TEST_F(ShardTest, silence_is_not_forwarded_and_nothing_seems_lost_when_somebody_speaks_again) {
  Client& alice = bed_.join();
  Client& bob = bed_.join();
  meeting_.publish(alice);
  meeting_.subscribe(bob, Meeting::kMicrophone, 1);
  std::uint16_t sequence = 1;
  bed_.send(alice, meeting_.audio(sequence++));
  for (int i = 0; i < 250; ++i) {  // 5 s
    bed_.send(alice, meeting_.audio(sequence++, 127));
    bed_.run_for(20ms);
  }
  const auto silence = bob.take_rtp();
  EXPECT_LE(silence.size(), 24U);
  EXPECT_EQ(bed_.counters.silence_withheld.value(), 251 - silence.size());
  sequence += 2;  // lost on the way here, and one of them comes again
  bed_.send(alice, meeting_.audio(sequence));
  bed_.send(alice, meeting_.audio(static_cast<std::uint16_t>(sequence - 1)));
  const auto speech = bob.take_rtp();
  ASSERT_EQ(speech.size(), 2U);
  EXPECT_EQ(view(speech[0]).sequence().value(), view(silence.back()).sequence().value() + 3);
  EXPECT_EQ(view(speech[1]).sequence().value(), view(silence.back()).sequence().value() + 2);
  const std::uint32_t passed = sequence - 1U;  // packets since the first, 960 samples each
  EXPECT_EQ(view(speech[0]).timestamp().value(),
            view(silence[0]).timestamp().value() + passed * 960);
}

TEST_F(ShardTest, only_the_loudest_are_forwarded_where_the_room_says_so) {
  Client& alice = bed_.join();
  Client& carol = bed_.join();
  Client& bob = bed_.join();
  const auto speak = [&](Client& who, std::uint16_t sequence, std::uint8_t level) {
    bed_.send(who, meeting_.audio(sequence, level));
  };
  const auto publish = [&](Client& who, PublicationId track) {
    bed_.shard.publish({.publication = track,
                        .transport = who.id,
                        .room = RoomNumber(1),
                        .kind = rtp::MediaKind::kAudio,
                        .loudest = 1});
    bed_.shard.configure({.transport = who.id,
                          .extensions = test::extension_ids(),
                          .sections = {{.mid = test::token("0"),
                                        .kind = rtp::MediaKind::kAudio,
                                        .publication = track,
                                        .codecs = {test::opus(Meeting::kOpus)},
                                        .rids = {},
                                        .sources = {}}}});
  };
  publish(alice, Meeting::kMicrophone);
  publish(carol, PublicationId(77));
  meeting_.subscribe(bob, Meeting::kMicrophone, 1);
  meeting_.subscribe(bob, PublicationId(77), 2);
  speak(alice, 1, 40);
  speak(carol, 1, 50);
  EXPECT_EQ(bob.take_rtp().size(), 1U) << "one place";
  EXPECT_EQ(bed_.counters.quiet_withheld.value(), 1U);
  speak(carol, 2, 20);
  speak(alice, 2, 40);
  const auto louder = bob.take_rtp();
  ASSERT_EQ(louder.size(), 1U) << "with her first packet";
  bed_.shard.unpublish(PublicationId(77));
  speak(alice, 3, 40);
  const auto alone = bob.take_rtp();
  ASSERT_EQ(alone.size(), 1U);
  EXPECT_NE(view(alone[0]).ssrc(), view(louder[0]).ssrc());
}

TEST_F(ShardTest, reports_the_quality_of_each_transport) {
  Client& alice = bed_.join();
  meeting_.publish(alice);
  for (const int sequence : {1, 2, 4, 5}) {
    bed_.send(alice, meeting_.audio(static_cast<std::uint16_t>(sequence)));
  }
  bed_.run_for(Shard::kQualityInterval + 100ms);
  const auto quality = bed_.take_events<TransportQuality>();
  ASSERT_EQ(quality.size(), 1U);
  EXPECT_EQ(quality[0].transport, alice.id);
  EXPECT_FLOAT_EQ(quality[0].uplink_loss, 0.2F);
}

TEST_F(ShardTest, unpublishing_ends_the_subscriptions) {
  Client& alice = bed_.join();
  Client& bob = bed_.join();
  meeting_.publish(alice);
  meeting_.subscribe(bob, Meeting::kMicrophone, 1);
  EXPECT_EQ(bed_.counters.subscriptions.value(), 1U);
  EXPECT_EQ(bed_.counters.publications.value(), 2U);
  bed_.shard.unpublish(Meeting::kMicrophone);
  EXPECT_EQ(bed_.counters.subscriptions.value(), 0U);
  EXPECT_EQ(bed_.counters.publications.value(), 1U);
  bed_.send(alice, meeting_.audio(10));
  EXPECT_TRUE(bob.take_rtp().empty());
  EXPECT_EQ(
      bed_.counters.dropped[static_cast<std::size_t>(metrics::DropReason::kNoPublication)].value(),
      1U);
}

TEST_F(ShardTest, unknown_ids_are_ignored) {
  Client& bob = bed_.join();
  bed_.shard.subscribe(meeting_.subscription(bob, PublicationId(77), 1), bed_.now);
  bed_.shard.unsubscribe(SubscriptionId(5));
  bed_.shard.unpublish(PublicationId(5));
  bed_.shard.mute({.publication = PublicationId(5), .is_muted = true});
  bed_.shard.set_subscription({.subscription = SubscriptionId(5), .target = {}}, bed_.now);
  bed_.shard.configure({.transport = TransportId(99), .extensions = {}, .sections = {}});
  bed_.shard.remove_peer(TransportId(99));
  EXPECT_EQ(bed_.counters.subscriptions.value(), 0U);
}

TEST_F(ShardTest, a_subscription_before_the_transport_connects_begins_when_it_does) {
  Client& alice = bed_.join();
  meeting_.publish(alice);
  bed_.send(alice, meeting_.video(1, true));
  bed_.run_for(Publication::kMaxReplay + 20ms);
  Client& bob = bed_.join();
  meeting_.subscribe(bob, Meeting::kCamera, 1);
  bed_.run_for(100ms);
  EXPECT_FALSE(alice.take_picture_losses().empty());
}

}  // namespace
}  // namespace meridian::forward
