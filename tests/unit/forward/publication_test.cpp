#include "forward/publication.hpp"

#include <gtest/gtest.h>

#include "forward/relay_sink.hpp"
#include "forward/subscription.hpp"
#include "support/permits.hpp"
#include "unit/forward/samples.hpp"

namespace meridian::forward {
namespace {

using test::at;
using test::media;

PublicationTraits camera() {
  return {.id = PublicationId(1), .room = RoomNumber(1), .kind = rtp::MediaKind::kVideo};
}

class PublicationTest : public testing::Test {
 protected:
  PublicationTest() { publication_.set_layer_count(3, Publication::Memory::kNow); }
  Publication::Ingest ingest(std::uint8_t layer, Instant arrival, bool is_key = false) {
    MediaPacket packet = media(sequence_++, 0, arrival);
    packet.starts_key_frame = is_key;
    packet.payload = payload_;
    if (publication_.is_full()) {
      publication_.clear_pending();
    }
    return publication_.ingest(layer, packet, 90'000);
  }
  std::vector<std::uint8_t> payload_ = {1, 2, 3};
  std::uint64_t sequence_ = 70'000;
  Publication publication_{camera()};
};

TEST_F(PublicationTest, what_comes_waits_until_the_end_of_the_batch) {
  EXPECT_EQ(ingest(0, at(1s)), Publication::Ingest::kStarted);
  EXPECT_EQ(ingest(0, at(1s)), Publication::Ingest::kStored);
  EXPECT_EQ(ingest(2, at(1s)), Publication::Ingest::kStarted);
  ASSERT_EQ(publication_.pending().size(), 3U);
  const MediaPacket* packet = publication_.find(publication_.pending()[2]);
  ASSERT_NE(packet, nullptr);
  EXPECT_EQ(packet->sequence.value(), 70'002U);
  publication_.clear_pending();
  EXPECT_FALSE(publication_.has_pending());
}

TEST_F(PublicationTest, refuses_more_than_a_batch_and_layers_that_it_has_not) {
  MediaPacket packet = media(1, 0, at(1s));
  EXPECT_EQ(publication_.ingest(3, packet, 90'000), Publication::Ingest::kRefused);
  for (std::uint64_t i = 0; i < Publication::kMaxPending; ++i) {
    packet.sequence = ExtendedSequence(70'000 + i);
    EXPECT_NE(publication_.ingest(0, packet, 90'000), Publication::Ingest::kRefused);
  }
  EXPECT_TRUE(publication_.is_full());
  packet.sequence = ExtendedSequence(71'000);
  EXPECT_EQ(publication_.ingest(0, packet, 90'000), Publication::Ingest::kRefused);
}

TEST_F(PublicationTest, a_layer_is_dead_when_only_the_others_go_on) {
  ingest(0, at(1s));
  ingest(1, at(1s));
  EXPECT_EQ(publication_.view().live, 0b011);
  ingest(0, at(1s + Publication::kCameraSilence));
  EXPECT_EQ(publication_.view().live, 0b001);
  ingest(1, at(1s + Publication::kCameraSilence));
  EXPECT_EQ(publication_.view().live, 0b011);
}

TEST_F(PublicationTest, the_nearest_layer_is_the_best_that_lives) {
  EXPECT_EQ(publication_.nearest_layer(1), 1);
  ingest(0, at(1s));
  EXPECT_EQ(publication_.nearest_layer(2), 0);
  ingest(2, at(1s));
  EXPECT_EQ(publication_.nearest_layer(1), 0);
  EXPECT_EQ(publication_.nearest_layer(3), 2);
}

TEST_F(PublicationTest, a_key_frame_serves_those_who_asked) {
  ingest(0, at(1s));
  publication_.request_key_frame(0);
  EXPECT_TRUE(publication_.layer(0).throttle.poll(at(2s)));
  ingest(0, at(2s), true);
  EXPECT_FALSE(publication_.layer(0).throttle.poll(at(10s)));
}

TEST_F(PublicationTest, a_muted_track_gives_back_what_nobody_can_ask_for_any_more) {
  ingest(0, at(10s));
  ingest(2, at(11s));
  publication_.clear_pending();
  publication_.release_history(at(20s));
  EXPECT_TRUE(publication_.layer(0).history) << "it isn't muted";
  publication_.set_muted(true);
  publication_.release_history(at(11s) + History::kMaxAge);
  EXPECT_FALSE(publication_.layer(0).history);
  EXPECT_FALSE(publication_.layer(1).history) << "nothing came";
  EXPECT_TRUE(publication_.layer(2).history) << "its last packet may be asked for";
  publication_.release_history(at(11s) + History::kMaxAge + 1ms);
  EXPECT_FALSE(publication_.layer(2).history);
  publication_.set_muted(false);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(publication_.layer(i).history) << "before packets come";
  }
}

TEST_F(PublicationTest, what_comes_while_it_is_muted_is_kept) {
  publication_.set_muted(true);
  publication_.release_history(at(10s));
  EXPECT_EQ(ingest(1, at(11s)), Publication::Ingest::kStarted);
  publication_.release_history(at(20s));
  EXPECT_TRUE(publication_.layer(1).history) << "somebody is to get it yet";
  EXPECT_NE(publication_.find(publication_.pending()[0]), nullptr);
}

TEST_F(PublicationTest, a_muted_publication_is_not_asked) {
  publication_.set_muted(true);
  publication_.request_key_frame(0);
  EXPECT_FALSE(publication_.layer(0).throttle.poll(at(2s)));
}

TEST_F(PublicationTest, red_and_opus_are_one_codec) {
  Publication audio({.id = PublicationId(2), .room = RoomNumber(1)});
  audio.set_layer_count(1, Publication::Memory::kNow);
  EXPECT_EQ(audio.ingest(0, media(70'000, 0, at(1s), rtp::Codec::kRed), 48'000),
            Publication::Ingest::kStarted);
  EXPECT_EQ(audio.ingest(0, media(70'001, 960, at(1s), rtp::Codec::kOpus), 48'000),
            Publication::Ingest::kStored);
  EXPECT_EQ(audio.ingest(0, media(70'002, 1920, at(1s), rtp::Codec::kPcmu), 48'000),
            Publication::Ingest::kStarted);
}

TEST_F(PublicationTest, audio_is_as_long_as_the_distance_of_timestamps) {
  MediaPacket packet = media(70'000, 5000, at(1s), rtp::Codec::kOpus);
  (void)publication_.audio_length(packet, 48'000);
  packet.timestamp = RtpTimestamp(5960);
  EXPECT_EQ(publication_.audio_length(packet, 48'000), 20ms);
  packet.timestamp = RtpTimestamp(5960 + 480'000);
  EXPECT_EQ(publication_.audio_length(packet, 48'000), AudioActivity::kMaxPacket);
  packet.timestamp = RtpTimestamp(5000);
  EXPECT_EQ(publication_.audio_length(packet, 48'000), 0ms);
}

TEST_F(PublicationTest, relays_count_among_those_who_want_layers) {
  EXPECT_FALSE(publication_.take_wanted_change());
  meridian::test::PermitOffice office;
  publication_.relays().push_back(
      {.to = WorkerIndex(3), .permit = std::move(office.relay().source), .wanted = 0b010});
  const auto change = publication_.take_wanted_change();
  ASSERT_TRUE(change);
  EXPECT_TRUE(change->is_wanted);
  EXPECT_EQ(change->max_spatial, 1);
  EXPECT_FALSE(publication_.take_wanted_change());
}

}  // namespace
}  // namespace meridian::forward
