#include "rtp/h264.hpp"

#include <gtest/gtest.h>

#include "unit/rtp/hex.hpp"

namespace meridian::rtp {
namespace {

TEST(H264, single_nal_units) {
  EXPECT_TRUE(parse_h264(hex("65 88"))->is_keyframe) << "IDR slice";
  EXPECT_TRUE(parse_h264(hex("65 88"))->starts_frame);
  EXPECT_FALSE(parse_h264(hex("65 48"))->starts_frame) << "a later slice";
  EXPECT_TRUE(parse_h264(hex("67 42"))->is_keyframe) << "SPS";
  EXPECT_TRUE(parse_h264(hex("67 42"))->has_parameters);
  EXPECT_FALSE(parse_h264(hex("65 88"))->has_parameters);
  EXPECT_FALSE(parse_h264(hex("68 ce"))->is_keyframe) << "PPS";
  EXPECT_TRUE(parse_h264(hex("68 ce"))->starts_frame);
  EXPECT_FALSE(parse_h264(hex("61 9a"))->is_keyframe) << "slice";
  EXPECT_FALSE(parse_h264(hex("61 9a"))->is_discardable);
  EXPECT_TRUE(parse_h264(hex("01 9a"))->is_discardable) << "nal_ref_idc 0";
  EXPECT_FALSE(parse_h264(hex("6c 00"))->starts_frame) << "filler";
}

TEST(H264, stap_a_is_searched_through) {
  const auto info = parse_h264(hex("78 0002 6742 0002 68ce 0002 6588"));
  ASSERT_TRUE(info);
  EXPECT_TRUE(info->is_keyframe);
  EXPECT_TRUE(info->starts_frame);
  EXPECT_FALSE(info->is_discardable);
  EXPECT_TRUE(parse_h264(hex("78 0001 68 0002 6588"))->is_keyframe) << "second unit";
  EXPECT_FALSE(parse_h264(hex("78 0002 68ce 0002 619a"))->is_keyframe);
  EXPECT_TRUE(parse_h264(hex("18 0002 019a"))->is_discardable);
}

TEST(H264, stap_a_with_a_wrong_length_is_an_error) {
  EXPECT_FALSE(parse_h264(hex("78")));
  EXPECT_FALSE(parse_h264(hex("78 00")));
  EXPECT_FALSE(parse_h264(hex("78 0002")));
  EXPECT_FALSE(parse_h264(hex("78 0003 6742")));
  EXPECT_FALSE(parse_h264(hex("78 ffff 6742")));
  EXPECT_FALSE(parse_h264(hex("78 0000 0002 6742"))) << "an empty unit";
  EXPECT_FALSE(parse_h264(hex("78 0002 6742 00"))) << "a lone byte behind";
}

TEST(H264, only_the_first_fragment_of_an_fu_a_begins_a_key_frame) {
  EXPECT_TRUE(parse_h264(hex("7c 85 88"))->is_keyframe);
  EXPECT_TRUE(parse_h264(hex("7c 85 88"))->starts_frame);
  EXPECT_FALSE(parse_h264(hex("7c 05 88"))->is_keyframe);
  EXPECT_FALSE(parse_h264(hex("7c 45 88"))->is_keyframe);
  EXPECT_FALSE(parse_h264(hex("7c 81 9a"))->is_keyframe);
  EXPECT_TRUE(parse_h264(hex("7c 81 9a"))->starts_frame);
  EXPECT_TRUE(parse_h264(hex("1c 01 9a"))->is_discardable);
  EXPECT_FALSE(parse_h264(hex("7c 85")));
  EXPECT_FALSE(parse_h264(hex("7c")));
}

TEST(H264, other_packet_types_are_not_read) {
  EXPECT_FALSE(parse_h264({}));
  for (const int type : {0, 25, 26, 27, 29, 30, 31}) {
    EXPECT_FALSE(parse_h264(std::vector<std::uint8_t>{static_cast<std::uint8_t>(type), 0x85, 0x88}))
        << type;
  }
}

TEST(H264, a_slice_that_is_cut_behind_its_header_is_still_known) {
  EXPECT_TRUE(parse_h264(hex("65"))->is_keyframe);
  EXPECT_FALSE(parse_h264(hex("65"))->starts_frame);
}

}  // namespace
}  // namespace meridian::rtp
