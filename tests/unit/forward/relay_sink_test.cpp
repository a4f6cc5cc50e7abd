#include "forward/relay_sink.hpp"

#include <gtest/gtest.h>

#include "support/permits.hpp"
#include "unit/forward/samples.hpp"

namespace meridian::forward {
namespace {

using test::at;

class RelaySinkTest : public testing::Test {
 protected:
  meridian::test::PermitOffice office_;
  RelaySink sink_{WorkerIndex(2), PublicationId(1), std::move(office_.relay(5).sink)};
};

TEST_F(RelaySinkTest, what_is_written_is_read_back) {
  const auto payload = test::vp8_payload({.is_key = true, .picture_id = 44});
  const std::array<std::uint8_t, 3> descriptor = {0xc0, 0, 1};
  MediaPacket packet = test::media(0x12345678AULL, 777, at(3s));
  packet.payload = payload;
  packet.descriptor = descriptor;
  packet.extensions.audio_level = 0x12;
  packet.extensions.video_orientation = 3;
  packet.extensions.capture_time_size = 16;
  packet.extensions.capture_time[15] = 9;
  RelaySlot slot;
  ASSERT_TRUE(write_relay_media(packet, slot));
  slot.epoch = PolicyEpoch(5);
  const auto read = sink_.read(slot);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->sequence, packet.sequence);
  EXPECT_EQ(read->timestamp, packet.timestamp);
  EXPECT_EQ(read->arrival, at(3s));
  EXPECT_EQ(read->generation, 1U);
  EXPECT_TRUE(read->marker);
  EXPECT_EQ(read->picture.picture_id, 44);
  EXPECT_EQ(read->extensions.audio_level, 0x12);
  EXPECT_EQ(read->extensions.video_orientation, 3);
  EXPECT_EQ(read->extensions.capture_time_size, 16);
  EXPECT_EQ(read->extensions.capture_time[15], 9);
  EXPECT_TRUE(std::ranges::equal(read->descriptor, descriptor));
  EXPECT_TRUE(std::ranges::equal(read->payload, payload));
}

TEST_F(RelaySinkTest, a_packet_that_does_not_fit_is_not_written) {
  const std::vector<std::uint8_t> payload(RelaySlot::kMaxPacket);
  MediaPacket packet = test::media(70'000, 0, at(1s));
  packet.payload = payload;
  RelaySlot slot;
  EXPECT_FALSE(write_relay_media(packet, slot));
}

TEST_F(RelaySinkTest, refuses_an_older_epoch_and_nonsense) {
  const std::vector<std::uint8_t> payload(20);
  MediaPacket packet = test::media(70'000, 0, at(1s));
  packet.payload = payload;
  RelaySlot slot;
  ASSERT_TRUE(write_relay_media(packet, slot));
  slot.epoch = PolicyEpoch(4);
  EXPECT_FALSE(sink_.read(slot));
  slot.epoch = PolicyEpoch(5);
  slot.layer = kMaxLayers;
  EXPECT_FALSE(sink_.read(slot));
  slot.layer = 0;
  slot.length = 3;
  EXPECT_FALSE(sink_.read(slot));
  slot.length = 5000;
  EXPECT_FALSE(sink_.read(slot));
}

TEST_F(RelaySinkTest, says_what_it_wants_at_once_and_again_and_again) {
  EXPECT_FALSE(sink_.poll_want(0, at(1s)));
  EXPECT_EQ(sink_.poll_want(0b100, at(1s)), 0b100);
  EXPECT_FALSE(sink_.poll_want(0b100, at(1s + 50ms)));
  EXPECT_EQ(sink_.poll_want(0b100, at(1s + RelaySink::kFirstRepeat)), 0b100);
  EXPECT_EQ(sink_.poll_want(0b001, at(1s + 110ms)), 0b001);
  EXPECT_EQ(sink_.poll_want(0, at(1s + 120ms)), 0);
  EXPECT_EQ(sink_.poll_want(0, at(5s)), 0);
}

TEST_F(RelaySinkTest, repeats_slowly_once_media_comes) {
  const std::vector<std::uint8_t> payload(20);
  MediaPacket packet = test::media(70'000, 0, at(1s));
  packet.payload = payload;
  RelaySlot slot;
  ASSERT_TRUE(write_relay_media(packet, slot));
  slot.epoch = PolicyEpoch(5);
  ASSERT_TRUE(sink_.read(slot));
  EXPECT_TRUE(sink_.poll_want(1, at(1s)));
  EXPECT_FALSE(sink_.poll_want(1, at(1s + 900ms)));
  EXPECT_TRUE(sink_.poll_want(1, at(2s)));
}

TEST(RelayExtensions, the_ids_are_part_of_the_format) {
  const rtp::ExtensionMap map = relay_extensions();
  EXPECT_EQ(map.id(rtp::Extension::kAudioLevel), 1);
  EXPECT_EQ(map.id(rtp::Extension::kVideoOrientation), 2);
  EXPECT_EQ(map.id(rtp::Extension::kAbsCaptureTime), 3);
  EXPECT_EQ(map.id(rtp::Extension::kDependencyDescriptor), 4);
}

}  // namespace
}  // namespace meridian::forward
