#include "rtp/vp9.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "unit/rtp/hex.hpp"

namespace meridian::rtp {
namespace {

using Buffer = std::vector<std::uint8_t>;

TEST(Vp9, reads_the_smallest_descriptor) {
  const auto descriptor = parse_vp9(hex("0c 00"));
  ASSERT_TRUE(descriptor);
  EXPECT_EQ(descriptor->size, 1U);
  EXPECT_TRUE(descriptor->starts_frame);
  EXPECT_TRUE(descriptor->ends_frame);
  EXPECT_TRUE(descriptor->is_keyframe());
  EXPECT_FALSE(descriptor->has_layers);
}

TEST(Vp9, reads_a_key_frame_with_scalability_structure) {
  // I L B V; picture id 15 bits 0x0102; TID 0 SID 0; TL0 7; SS: 3 layers, Y, G; 2 pictures
  const auto descriptor =
      parse_vp9(hex("aa 8102 00 07 "
                    "58 0140 00b4 0280 0168 0500 02d0 02 00 34 01 "
                    "ff"));
  ASSERT_TRUE(descriptor);
  EXPECT_EQ(descriptor->picture_id, 0x0102);
  EXPECT_TRUE(descriptor->has_long_picture_id);
  EXPECT_EQ(descriptor->tl0_picture_index, 7);
  EXPECT_TRUE(descriptor->has_scalability_structure);
  EXPECT_EQ(descriptor->spatial_layer_count, 3U);
  ASSERT_TRUE(descriptor->has_resolutions);
  EXPECT_EQ(descriptor->resolutions[0].width, 320U);
  EXPECT_EQ(descriptor->resolutions[2].width, 1280U);
  EXPECT_EQ(descriptor->resolutions[2].height, 720U);
  EXPECT_EQ(descriptor->size, 22U);
  EXPECT_TRUE(descriptor->is_keyframe());
}

TEST(Vp9, reads_layer_indices) {
  // I P L B E, 7-bit picture id; TID 2, U, SID 1, D; TL0 9
  const auto descriptor = parse_vp9(hex("ec 05 53 09 00"));
  ASSERT_TRUE(descriptor);
  EXPECT_EQ(descriptor->picture_id, 5);
  EXPECT_FALSE(descriptor->has_long_picture_id);
  EXPECT_EQ(descriptor->temporal_layer, 2U);
  EXPECT_TRUE(descriptor->is_switching_up_point);
  EXPECT_EQ(descriptor->spatial_layer, 1U);
  EXPECT_TRUE(descriptor->is_inter_layer_predicted);
  EXPECT_EQ(descriptor->tl0_picture_index, 9);
  EXPECT_FALSE(descriptor->is_keyframe());
}

TEST(Vp9, flexible_mode_has_references_in_place_of_tl0) {
  // I P L F B; layers; three P_DIFFs
  const auto descriptor = parse_vp9(hex("f8 05 00 03 05 06 ff"));
  ASSERT_TRUE(descriptor);
  EXPECT_TRUE(descriptor->is_flexible);
  EXPECT_FALSE(descriptor->tl0_picture_index);
  EXPECT_EQ(descriptor->size, 6U);
  EXPECT_FALSE(parse_vp9(hex("f8 05 00 03 05 07 08 ff"))) << "a fourth reference";
}

TEST(Vp9, an_upper_spatial_layer_of_a_key_picture_is_not_where_decoding_begins) {
  EXPECT_TRUE(parse_vp9(hex("a8 01 00 00 ff"))->is_keyframe());
  EXPECT_FALSE(parse_vp9(hex("a8 01 03 00 ff"))->is_keyframe()) << "SID 1";
  EXPECT_FALSE(parse_vp9(hex("a0 01 00 00 ff"))->is_keyframe()) << "not the first packet";
  EXPECT_FALSE(parse_vp9(hex("e8 01 00 00 ff"))->is_keyframe()) << "predicted";
}

TEST(Vp9, every_truncation_is_an_error) {
  for (const char* text : {"aa 8102 00 07 58 0140 00b4 0280 0168 0500 02d0 02 00 34 01 02 ff",
                           "f8 05 00 03 05 06 ff", "ec 05 53 09 00"}) {
    Buffer whole = hex(text);
    ASSERT_TRUE(parse_vp9(whole)) << text;
    const std::size_t end = parse_vp9(whole)->size;
    for (std::size_t size = 0; size <= end; ++size) {
      EXPECT_FALSE(parse_vp9(Bytes(whole).first(size))) << text << ' ' << size;
    }
  }
}

TEST(Vp9, the_largest_structure_is_counted_in_full) {
  Buffer payload = hex("02 f8");
  payload.resize(payload.size() + 8 * 4, 1);
  payload.push_back(255);
  for (int i = 0; i < 255; ++i) {
    payload.insert(payload.end(), {0x0c, 1, 2, 3});
  }
  EXPECT_FALSE(parse_vp9(payload)) << "nothing behind the descriptor";
  payload.push_back(0);
  const auto descriptor = parse_vp9(payload);
  ASSERT_TRUE(descriptor);
  EXPECT_EQ(descriptor->size, payload.size() - 1);
  EXPECT_EQ(descriptor->spatial_layer_count, 8U);
}

TEST(Vp9, rewrites_picture_id_and_tl0_in_place) {
  Buffer payload = hex("a8 8102 00 07 ff");
  rewrite_vp9(payload, *parse_vp9(payload), {.picture_id = 0xffff, .tl0_picture_index = 0x42});
  EXPECT_EQ(payload, hex("a8 ffff 00 42 ff"));
  payload = hex("a8 05 00 07 ff");
  rewrite_vp9(payload, *parse_vp9(payload), {.picture_id = 0x1285, .tl0_picture_index = {}});
  EXPECT_EQ(payload, hex("a8 05 00 07 ff"));
  payload = hex("f8 05 00 04 ff");  // flexible: no TL0PICIDX
  rewrite_vp9(payload, *parse_vp9(payload), {.picture_id = 6, .tl0_picture_index = 0xee});
  EXPECT_EQ(payload, hex("f8 06 00 04 ff"));
  payload = hex("0c ff");
  rewrite_vp9(payload, *parse_vp9(payload), {.picture_id = 6, .tl0_picture_index = 0xee});
  EXPECT_EQ(payload, hex("0c ff"));
}

}  // namespace
}  // namespace meridian::rtp
