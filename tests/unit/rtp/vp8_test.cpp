#include "rtp/vp8.hpp"

#include <array>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "unit/rtp/hex.hpp"

namespace meridian::rtp {
namespace {

using Buffer = std::vector<std::uint8_t>;

TEST(Vp8, reads_the_one_byte_descriptor) {
  const auto descriptor = parse_vp8(hex("10 00"));
  ASSERT_TRUE(descriptor);
  EXPECT_EQ(descriptor->size, 1U);
  EXPECT_TRUE(descriptor->starts_frame());
  EXPECT_TRUE(descriptor->is_keyframe);
  EXPECT_FALSE(descriptor->picture_id);
  EXPECT_FALSE(descriptor->tl0_picture_index);
  EXPECT_FALSE(descriptor->temporal_layer);
  EXPECT_FALSE(descriptor->key_index);
}

TEST(Vp8, reads_every_field_of_the_full_descriptor) {
  // X N S; I L T K; 15-bit picture id 0x1234; TL0PICIDX 0x56; TID 2, Y, KEYIDX 9; P frame
  const auto descriptor = parse_vp8(hex("b0 f0 9234 56 a9 01"));
  ASSERT_TRUE(descriptor);
  EXPECT_EQ(descriptor->size, 6U);
  EXPECT_TRUE(descriptor->is_non_reference);
  EXPECT_TRUE(descriptor->has_long_picture_id);
  EXPECT_EQ(descriptor->picture_id, 0x1234);
  EXPECT_EQ(descriptor->tl0_picture_index, 0x56);
  EXPECT_EQ(descriptor->temporal_layer, 2);
  EXPECT_TRUE(descriptor->is_layer_sync);
  EXPECT_EQ(descriptor->key_index, 9);
  EXPECT_FALSE(descriptor->is_keyframe);
}

TEST(Vp8, reads_a_short_picture_id) {
  const auto descriptor = parse_vp8(hex("90 80 7f 00"));
  ASSERT_TRUE(descriptor);
  EXPECT_EQ(descriptor->picture_id, 0x7f);
  EXPECT_FALSE(descriptor->has_long_picture_id);
  EXPECT_EQ(descriptor->size, 3U);
}

TEST(Vp8, only_the_start_of_the_first_partition_can_be_a_key_frame) {
  EXPECT_TRUE(parse_vp8(hex("10 00"))->is_keyframe);
  EXPECT_FALSE(parse_vp8(hex("10 01"))->is_keyframe) << "P bit";
  EXPECT_FALSE(parse_vp8(hex("00 00"))->is_keyframe) << "no start";
  EXPECT_FALSE(parse_vp8(hex("11 00"))->is_keyframe) << "second partition";
  EXPECT_FALSE(parse_vp8(hex("11 00"))->starts_frame());
}

TEST(Vp8, a_tid_without_k_and_a_k_without_tid_share_their_byte) {
  const auto tid_only = parse_vp8(hex("90 20 7f 00"));
  EXPECT_EQ(tid_only->temporal_layer, 1);
  EXPECT_TRUE(tid_only->is_layer_sync);
  EXPECT_FALSE(tid_only->key_index);
  const auto key_only = parse_vp8(hex("90 10 ff 00"));
  EXPECT_FALSE(key_only->temporal_layer);
  EXPECT_FALSE(key_only->is_layer_sync);
  EXPECT_EQ(key_only->key_index, 31);
}

TEST(Vp8, every_truncation_is_an_error) {
  for (const char* text : {"b0 f0 9234 56 a9 01", "90 80 7f 00", "90 10 ff 00", "10 00"}) {
    const Buffer whole = hex(text);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      EXPECT_FALSE(parse_vp8(Bytes(whole).first(size))) << text << ' ' << size;
    }
  }
}

TEST(Vp8, rewrites_only_what_it_is_told_to) {
  Buffer payload = hex("90 f0 9234 56 a9 01 cafe");
  const auto descriptor = parse_vp8(payload);
  rewrite_vp8(payload, *descriptor,
              {.picture_id = 0x7fff, .tl0_picture_index = {}, .key_index = {}});
  EXPECT_EQ(payload, hex("90 f0 ffff 56 a9 01 cafe"));
  rewrite_vp8(payload, *descriptor, {.picture_id = {}, .tl0_picture_index = 0, .key_index = {}});
  EXPECT_EQ(payload, hex("90 f0 ffff 00 a9 01 cafe"));
  rewrite_vp8(payload, *descriptor, {.picture_id = {}, .tl0_picture_index = {}, .key_index = 33});
  EXPECT_EQ(payload, hex("90 f0 ffff 00 a1 01 cafe"));
  rewrite_vp8(payload, *descriptor, {});
  EXPECT_EQ(payload, hex("90 f0 ffff 00 a1 01 cafe"));
}

TEST(Vp8, keeps_short_picture_ids_short) {
  Buffer payload = hex("90 80 7f 00");
  rewrite_vp8(payload, *parse_vp8(payload),
              {.picture_id = 0x1283, .tl0_picture_index = 1, .key_index = 1});
  EXPECT_EQ(payload, hex("90 80 03 00"));
}

TEST(Vp8, leaves_a_descriptor_without_fields_alone) {
  Buffer payload = hex("10 00");
  rewrite_vp8(payload, *parse_vp8(payload),
              {.picture_id = 1, .tl0_picture_index = 1, .key_index = 1});
  EXPECT_EQ(payload, hex("10 00"));
}

/// Over all first and extension bytes: rewriting gives what was asked for and moves no other bit.
TEST(Vp8, every_shape_is_rewritten_and_written_consistently) {
  Rng rng(3);
  for (unsigned first = 0; first < 256; ++first) {
    for (unsigned present = 0; present < 256; ++present) {
      Buffer payload = {static_cast<std::uint8_t>(first), static_cast<std::uint8_t>(present)};
      for (int i = 0; i < 8; ++i) {
        payload.push_back(static_cast<std::uint8_t>(rng.next()));
      }
      auto descriptor = parse_vp8(payload);
      ASSERT_TRUE(descriptor);
      const Buffer before = payload;
      rewrite_vp8(payload, *descriptor,
                  {.picture_id = 0x2a55, .tl0_picture_index = 0x33, .key_index = 7});
      const auto after = parse_vp8(payload);
      ASSERT_TRUE(after);
      ASSERT_EQ(after->size, descriptor->size);
      ASSERT_TRUE(
          std::equal(payload.begin() + after->size, payload.end(), before.begin() + after->size));
      if (descriptor->picture_id) {
        descriptor->picture_id =
            static_cast<std::uint16_t>(descriptor->has_long_picture_id ? 0x2a55 : 0x55);
      }
      ASSERT_EQ(after->picture_id, descriptor->picture_id);
      ASSERT_EQ(after->tl0_picture_index.has_value(), descriptor->tl0_picture_index.has_value());
      ASSERT_EQ(after->tl0_picture_index.value_or(0x33), 0x33);
      ASSERT_EQ(after->key_index.value_or(7), 7);
      ASSERT_EQ(after->temporal_layer, descriptor->temporal_layer);
      ASSERT_EQ(after->is_layer_sync, descriptor->is_layer_sync);

      std::array<std::uint8_t, Vp8Descriptor::kMaxSize + 1> out{};
      const std::size_t size = write_vp8(*after, MutableBytes(out).first(Vp8Descriptor::kMaxSize));
      const auto again = parse_vp8(Bytes(out).first(size + 1));
      ASSERT_TRUE(again);
      ASSERT_EQ(again->size, size);
      ASSERT_EQ(again->picture_id, after->picture_id);
      ASSERT_EQ(again->has_long_picture_id, after->has_long_picture_id);
      ASSERT_EQ(again->tl0_picture_index, after->tl0_picture_index);
      ASSERT_EQ(again->temporal_layer, after->temporal_layer);
      ASSERT_EQ(again->key_index, after->key_index);
      ASSERT_EQ(again->is_layer_sync, after->is_layer_sync);
      ASSERT_EQ(again->is_non_reference, after->is_non_reference);
      ASSERT_EQ(again->partition, after->partition);
      ASSERT_EQ(again->starts_partition, after->starts_partition);
    }
  }
}

TEST(Vp8, can_give_a_stream_long_picture_ids) {
  auto descriptor = *parse_vp8(hex("90 e0 05 11 40 00"));
  descriptor.has_long_picture_id = true;
  descriptor.picture_id = 0x0185;
  std::array<std::uint8_t, Vp8Descriptor::kMaxSize> out{};
  const std::size_t size = write_vp8(descriptor, out);
  EXPECT_EQ(Buffer(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(size)),
            hex("90 e0 8185 11 40"));
}

}  // namespace
}  // namespace meridian::rtp
