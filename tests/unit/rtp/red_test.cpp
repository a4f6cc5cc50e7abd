#include "rtp/red.hpp"

#include <string>

#include <gtest/gtest.h>

#include "unit/rtp/hex.hpp"

namespace meridian::rtp {
namespace {

TEST(Red, a_primary_block_alone) {
  const auto payload = hex("6f aabbcc");
  const auto red = parse_red(payload);
  ASSERT_TRUE(red);
  ASSERT_EQ(red->blocks().size(), 1U);
  EXPECT_EQ(red->primary().payload_type, PayloadType(111));
  EXPECT_EQ(red->primary().payload.data(), payload.data() + 1);
  EXPECT_EQ(red->primary().payload.size(), 3U);
}

TEST(Red, redundant_blocks_precede_the_primary_one) {
  // offsets 1920 and 960, lengths 2 and 1
  const auto payload = hex("ef 1e0002 ef 0f0001 6f aabb cc ddee");
  const auto red = parse_red(payload);
  ASSERT_TRUE(red);
  ASSERT_EQ(red->blocks().size(), 3U);
  EXPECT_EQ(red->blocks()[0].timestamp_offset, 1920U);
  EXPECT_EQ(red->blocks()[0].payload.size(), 2U);
  EXPECT_EQ(red->blocks()[1].timestamp_offset, 960U);
  EXPECT_EQ(red->blocks()[1].payload[0], 0xccU);
  EXPECT_EQ(red->primary().payload[0], 0xddU);
  EXPECT_EQ(red->primary().timestamp_offset, 0U);
}

TEST(Red, every_truncation_up_to_the_primary_block_is_an_error) {
  const auto payload = hex("ef 1e0002 ef 0f0001 6f aabb cc");
  ASSERT_TRUE(parse_red(payload)) << "an empty primary block";
  EXPECT_TRUE(parse_red(payload)->primary().payload.empty());
  for (std::size_t size = 0; size < payload.size(); ++size) {
    EXPECT_FALSE(parse_red(Bytes(payload).first(size))) << size;
  }
}

TEST(Red, takes_sixteen_blocks_and_no_more) {
  const auto blocks = [](int redundant) {
    std::string text;
    for (int i = 0; i < redundant; ++i) {
      text += "ef000000";
    }
    return hex(text + "6f");
  };
  EXPECT_EQ(parse_red(blocks(15))->blocks().size(), 16U);
  EXPECT_FALSE(parse_red(blocks(16)));
  EXPECT_FALSE(parse_red(blocks(300)));
}

}  // namespace
}  // namespace meridian::rtp
