#include "rtp/extensions.hpp"

#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "unit/rtp/hex.hpp"

namespace meridian::rtp {
namespace {

TEST(AudioLevel, reads_and_writes_every_value) {
  for (unsigned raw = 0; raw < 256; ++raw) {
    const std::array<std::uint8_t, 1> bytes = {static_cast<std::uint8_t>(raw)};
    const auto level = read_audio_level(bytes);
    ASSERT_TRUE(level);
    EXPECT_EQ(level->below_full_scale, raw & 0x7fU);
    EXPECT_EQ(level->has_voice, raw >= 128);
    EXPECT_EQ(encode_audio_level(*level), bytes);
  }
  EXPECT_TRUE(read_audio_level(hex("8500")));
  EXPECT_FALSE(read_audio_level({}));
  EXPECT_FALSE(read_audio_level(hex("850000")));
  EXPECT_EQ(encode_audio_level({.below_full_scale = 200, .has_voice = false})[0], 127U);
}

TEST(ReadToken, takes_short_tokens_only) {
  EXPECT_EQ(read_token(as_bytes("q"))->view(), "q");
  EXPECT_EQ(read_token(as_bytes("0123456789abcdef"))->view().size(), 16U);
  EXPECT_FALSE(read_token(as_bytes("0123456789abcdefg")));
  EXPECT_FALSE(read_token({}));
  EXPECT_FALSE(read_token(as_bytes("a b")));
  EXPECT_FALSE(read_token(hex("61ff")));
  EXPECT_FALSE(read_token(hex("00")));
}

TEST(TransportSequence, reads_both_versions) {
  EXPECT_EQ(read_transport_sequence(hex("fffe")), SequenceNumber(0xfffe));
  EXPECT_EQ(read_transport_sequence(hex("00018001")), SequenceNumber(1));
  EXPECT_FALSE(read_transport_sequence(hex("00")));
  EXPECT_FALSE(read_transport_sequence(hex("000000")));
  EXPECT_EQ(encode_transport_sequence(SequenceNumber(0x1234)),
            (std::array<std::uint8_t, 2>{0x12, 0x34}));
}

TEST(AbsSendTime, is_seconds_in_6_18_fixed_point) {
  EXPECT_EQ(to_abs_send_time(Instant::from_origin(1s)), AbsSendTime(1U << 18U));
  EXPECT_EQ(to_abs_send_time(Instant::from_origin(500ms)), AbsSendTime(1U << 17U));
  EXPECT_EQ(to_abs_send_time(Instant::from_origin(64s)), AbsSendTime(0));
  EXPECT_EQ(to_abs_send_time(Instant::from_origin(63s + 999'999'999ns)), AbsSendTime(0xffffff));
  EXPECT_EQ(to_abs_send_time(Instant::from_origin(1h)), AbsSendTime(16U << 18U));
  EXPECT_EQ(to_abs_send_time(Instant::from_origin(-1s)), AbsSendTime(63U << 18U));
  EXPECT_EQ(encode_abs_send_time(AbsSendTime(0x123456)),
            (std::array<std::uint8_t, 3>{0x12, 0x34, 0x56}));
  EXPECT_EQ(read_abs_send_time(hex("123456")), AbsSendTime(0x123456));
  EXPECT_FALSE(read_abs_send_time(hex("1234")));
}

TEST(AbsSendTime, difference_spans_the_wrap) {
  const auto at = [](Duration since) { return to_abs_send_time(Instant::from_origin(since)); };
  EXPECT_EQ(abs_send_time_difference(at(65s), at(63s)), 2s);
  EXPECT_EQ(abs_send_time_difference(at(63s), at(65s)), -2s);
  EXPECT_EQ(abs_send_time_difference(at(5s), at(5s)), 0s);
  EXPECT_EQ(abs_send_time_difference(AbsSendTime(0x800000), AbsSendTime(0)), -32s);
}

TEST(AbsCaptureTime, reads_and_writes_both_sizes) {
  const AbsCaptureTime plain{.ntp = 0x0102030405060708, .clock_offset = std::nullopt};
  EXPECT_EQ(read_abs_capture_time(hex("0102030405060708")), plain);
  EXPECT_EQ(encode_abs_capture_time(plain).size, 8U);
  const AbsCaptureTime full{.ntp = 1, .clock_offset = -2};
  EXPECT_EQ(read_abs_capture_time(hex("0000000000000001 fffffffffffffffe")), full);
  EXPECT_EQ(read_abs_capture_time(encode_abs_capture_time(full).view()), full);
  for (const std::size_t size : {0U, 7U, 9U, 15U, 17U}) {
    EXPECT_FALSE(read_abs_capture_time(std::vector<std::uint8_t>(size)));
  }
}

TEST(PlayoutDelay, is_two_fields_of_12_bits_in_steps_of_10_ms) {
  EXPECT_EQ(read_playout_delay(hex("001fff")), (PlayoutDelay{10ms, 40'950ms}));
  EXPECT_EQ(encode_playout_delay({10ms, 40'950ms}),
            (std::array<std::uint8_t, 3>{0x00, 0x1f, 0xff}));
  EXPECT_EQ(encode_playout_delay({19ms, 100s}), (std::array<std::uint8_t, 3>{0x00, 0x1f, 0xff}));
  EXPECT_EQ(encode_playout_delay({-1s, 0s}), (std::array<std::uint8_t, 3>{}));
  EXPECT_FALSE(read_playout_delay(hex("002001"))) << "the minimum is over the maximum";
  EXPECT_FALSE(read_playout_delay(hex("0020")));
}

TEST(VideoOrientation, reads_and_writes_every_value) {
  for (std::uint8_t raw = 0; raw < 16; ++raw) {
    const std::array<std::uint8_t, 1> bytes = {raw};
    const auto orientation = read_video_orientation(bytes);
    ASSERT_TRUE(orientation);
    EXPECT_EQ(encode_video_orientation(*orientation), bytes);
  }
  const auto orientation = read_video_orientation(hex("09"));
  EXPECT_TRUE(orientation->is_back_camera);
  EXPECT_FALSE(orientation->is_flipped);
  EXPECT_EQ(orientation->quarter_turns, 1U);
  EXPECT_FALSE(read_video_orientation({}));
  EXPECT_FALSE(read_video_orientation(hex("0000")));
}

TEST(VideoLayersAllocation, reads_simulcast_with_temporal_layers_and_resolutions) {
  // Sent on stream 1 of 3; spatial layer 0 on each; 2, 2 and 3 temporal layers.
  const auto allocation = read_video_layers_allocation(
      hex("61 58 "
          "32 64 ac02 f403 b009 d00f c413 "  // 50 100 | 300 500 | 1200 2000 2500 kbit/s
          "013f00b30f 027f01670f 04ff02cf1e"));
  ASSERT_TRUE(allocation);
  EXPECT_EQ(allocation->stream, 1U);
  EXPECT_EQ(allocation->stream_count, 3U);
  const auto layers = allocation->layers();
  ASSERT_EQ(layers.size(), 3U);
  EXPECT_EQ(layers[0].temporal_layers, 2U);
  EXPECT_EQ(layers[0].bitrates[1], Bitrate(100'000));
  EXPECT_EQ(layers[1].stream, 1U);
  EXPECT_EQ(layers[1].bitrates[0], Bitrate(300'000));
  EXPECT_EQ(layers[2].temporal_layers, 3U);
  EXPECT_EQ(layers[2].bitrates[2], Bitrate(2'500'000));
  EXPECT_EQ(layers[2].width, 1280U);
  EXPECT_EQ(layers[2].height, 720U);
  EXPECT_EQ(layers[2].frame_rate, 30U);
}

TEST(VideoLayersAllocation, reads_a_mask_for_each_stream) {
  // Streams 0 and 2 of 3 send: layers {0} and {0, 1}; one temporal layer each.
  const auto allocation = read_video_layers_allocation(hex("20 10 30 00 0a 14 1e"));
  ASSERT_TRUE(allocation);
  const auto layers = allocation->layers();
  ASSERT_EQ(layers.size(), 3U);
  EXPECT_EQ(layers[0].stream, 0U);
  EXPECT_EQ(layers[1].stream, 2U);
  EXPECT_EQ(layers[2].spatial, 1U);
  EXPECT_EQ(layers[2].bitrates[0], Bitrate(30'000));
  EXPECT_EQ(layers[2].width, 0U) << "no resolutions";
}

TEST(VideoLayersAllocation, a_single_zero_byte_means_that_nothing_is_sent) {
  const auto allocation = read_video_layers_allocation(hex("00"));
  ASSERT_TRUE(allocation);
  EXPECT_TRUE(allocation->layers().empty());
}

TEST(VideoLayersAllocation, holds_the_largest_allocation_there_is) {
  std::string text = "3f ffffffff ";  // 4 streams of 4 spatial and 4 temporal layers
  for (int i = 0; i < 64; ++i) {
    text += "ffffffff0f ";  // 2^32 - 1
  }
  const auto allocation = read_video_layers_allocation(hex(text));
  ASSERT_TRUE(allocation);
  EXPECT_EQ(allocation->layers().size(), 16U);
  EXPECT_EQ(allocation->layers()[15].bitrates[3], Bitrate(4'294'967'295'000));
}

TEST(VideoLayersAllocation, rejects_truncated_and_oversized_numbers) {
  const auto whole = hex("01 40 32 64");
  ASSERT_TRUE(read_video_layers_allocation(whole));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(read_video_layers_allocation(Bytes(whole).first(size))) << size;
  }
  EXPECT_FALSE(read_video_layers_allocation(hex("01 00 ffffffff1f")));
  EXPECT_FALSE(read_video_layers_allocation(hex("01 00 808080808000")));
}

}  // namespace
}  // namespace meridian::rtp
