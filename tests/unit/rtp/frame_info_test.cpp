#include "rtp/frame_info.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "unit/rtp/hex.hpp"

namespace meridian::rtp {
namespace {

constexpr Codec kVideoCodecs[] = {Codec::kVp8, Codec::kVp9, Codec::kH264, Codec::kAv1};

TEST(FrameInfo, vp8) {
  const FrameInfo info = inspect(Codec::kVp8, hex("b0 f0 9234 56 a9 00"), Marker::kSet);
  EXPECT_TRUE(info.is_readable);
  EXPECT_TRUE(info.starts_frame);
  EXPECT_TRUE(info.ends_frame);
  EXPECT_TRUE(info.is_keyframe);
  EXPECT_TRUE(info.is_discardable);
  EXPECT_TRUE(info.is_temporal_switch);
  EXPECT_EQ(info.temporal, 2U);
  EXPECT_EQ(info.picture_id, 0x1234);
  EXPECT_EQ(info.tl0_picture_index, 0x56);
}

TEST(FrameInfo, vp9_ends_a_layers_frame_without_the_marker) {
  const FrameInfo info = inspect(Codec::kVp9, hex("ec 05 53 09 00"), Marker::kClear);
  EXPECT_TRUE(info.is_readable);
  EXPECT_TRUE(info.starts_frame);
  EXPECT_TRUE(info.ends_frame);
  EXPECT_FALSE(info.is_keyframe);
  EXPECT_TRUE(info.is_temporal_switch);
  EXPECT_EQ(info.spatial, 1U);
  EXPECT_EQ(info.temporal, 2U);
  EXPECT_EQ(info.picture_id, 5);
  EXPECT_EQ(info.tl0_picture_index, 9);
  EXPECT_TRUE(inspect(Codec::kVp9, hex("aa 8102 00 07 00 ff"), Marker::kClear).is_keyframe);
}

TEST(FrameInfo, h264) {
  const FrameInfo key = inspect(Codec::kH264, hex("78 0002 6742 0002 6588"), Marker::kClear);
  EXPECT_TRUE(key.is_readable && key.is_keyframe && key.starts_frame);
  EXPECT_FALSE(key.ends_frame);
  const FrameInfo delta = inspect(Codec::kH264, hex("01 9a"), Marker::kSet);
  EXPECT_TRUE(delta.is_discardable && delta.ends_frame && delta.starts_frame);
  EXPECT_FALSE(delta.is_keyframe);
}

TEST(FrameInfo, av1) {
  const FrameInfo key = inspect(Codec::kAv1, hex("18 0c 48 00"), Marker::kClear);
  EXPECT_TRUE(key.is_readable && key.is_keyframe && key.starts_frame);
  EXPECT_EQ(key.temporal, 2U);
  EXPECT_EQ(key.spatial, 1U);
  const FrameInfo delta = inspect(Codec::kAv1, hex("10 30 00"), Marker::kSet);
  EXPECT_TRUE(delta.starts_frame && delta.ends_frame);
  EXPECT_FALSE(delta.is_keyframe);
  EXPECT_FALSE(inspect(Codec::kAv1, hex("10 20 00"), Marker::kSet).starts_frame) << "tile group";
  EXPECT_FALSE(inspect(Codec::kAv1, hex("90 30 00"), Marker::kSet).starts_frame) << "continued";
}

TEST(FrameInfo, each_audio_packet_stands_alone) {
  for (const Codec codec : {Codec::kOpus, Codec::kRed, Codec::kPcmu, Codec::kPcma}) {
    const FrameInfo info = inspect(codec, {}, Marker::kClear);
    EXPECT_TRUE(info.is_readable && info.starts_frame && info.ends_frame && info.is_keyframe);
  }
}

TEST(FrameInfo, what_cannot_be_read_is_no_key_frame) {
  for (const Codec codec : kVideoCodecs) {
    const FrameInfo info = inspect(codec, {}, Marker::kSet);
    EXPECT_FALSE(info.is_readable || info.starts_frame || info.is_keyframe);
    EXPECT_TRUE(info.ends_frame) << "the marker is in the RTP header";
  }
  EXPECT_FALSE(inspect(Codec::kUnknown, hex("10 00"), Marker::kSet).is_readable);
}

TEST(FrameInfo, any_bytes_give_layers_within_the_codecs_limits) {
  Rng rng(5);
  for (int round = 0; round < 100'000; ++round) {
    std::vector<std::uint8_t> payload(rng.below(24));
    for (auto& byte : payload) {
      byte = static_cast<std::uint8_t>(rng.next());
    }
    for (const Codec codec : kVideoCodecs) {
      const FrameInfo info = inspect(codec, payload, Marker::kClear);
      ASSERT_LE(info.spatial, 7U);
      ASSERT_LE(info.temporal, 7U);
      ASSERT_TRUE(info.is_readable || !info.is_keyframe);
    }
  }
}

TEST(FrameInfo, takes_the_marker_from_a_packet) {
  const auto bytes = hex("80 e0 0001 00000002 00000003 10 00");
  const FrameInfo info = inspect(Codec::kVp8, *PacketView::parse(bytes));
  EXPECT_TRUE(info.ends_frame && info.is_keyframe);
}

}  // namespace
}  // namespace meridian::rtp
