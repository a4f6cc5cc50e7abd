#include "rtp/red.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

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

RedBlock block(std::uint16_t offset, Bytes payload) {
  return {.payload_type = PayloadType(111), .timestamp_offset = offset, .payload = payload};
}

TEST(Red, what_is_written_is_what_the_rfc_says) {
  const auto oldest = hex("aabb");
  const auto older = hex("cc");
  const auto now = hex("ddee");
  const std::array<RedBlock, 3> blocks = {block(1920, oldest), block(960, older), block(0, now)};
  std::array<std::uint8_t, 32> out{};
  const std::size_t size = write_red(blocks, out);
  EXPECT_EQ(size, red_size(blocks));
  EXPECT_TRUE(
      std::ranges::equal(Bytes(out).first(size), hex("ef 1e0002 ef 0f0001 6f aabb cc ddee")));
  const auto again = parse_red(Bytes(out).first(size));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->redundant().size(), 2U);
  EXPECT_TRUE(std::ranges::equal(again->primary().payload, now));
}

TEST(Red, a_primary_block_alone_can_be_written) {
  const auto now = hex("ddee");
  const std::array<RedBlock, 1> blocks = {block(0, now)};
  std::array<std::uint8_t, 3> out{};
  EXPECT_EQ(write_red(blocks, out), 3U);
  EXPECT_TRUE(std::ranges::equal(out, hex("6f ddee")));
  EXPECT_EQ(write_red({}, out), 0U) << "no block";
}

TEST(Red, what_the_header_can_not_say_is_not_written) {
  std::vector<std::uint8_t> out(4000);
  const std::vector<std::uint8_t> longest(1023, 1);
  const std::vector<std::uint8_t> longer(1024, 1);
  const auto size_of = [&](std::uint16_t offset, Bytes redundant, Bytes primary) {
    return write_red(std::array{block(offset, redundant), block(0, primary)}, out);
  };
  EXPECT_EQ(size_of(0x3fff, longest, longest), 5 + 2 * 1023U);
  EXPECT_EQ(size_of(0x4000, longest, longest), 0U) << "14 bits of offset";
  EXPECT_EQ(size_of(960, longer, longest), 0U) << "10 bits of length";
  EXPECT_NE(size_of(960, longest, longer), 0U) << "the primary block says no length";
}

TEST(Red, nothing_is_written_past_the_end) {
  const auto redundant = hex("aabb");
  const auto now = hex("ddee");
  const std::array<RedBlock, 2> blocks = {block(960, redundant), block(0, now)};
  const std::size_t size = red_size(blocks);
  for (std::size_t room = 0; room < size; ++room) {
    std::vector<std::uint8_t> out(room + 8, 0x55);
    EXPECT_EQ(write_red(blocks, MutableBytes(out).first(room)), 0U) << room;
    EXPECT_EQ(std::ranges::count(out, 0x55), static_cast<std::ptrdiff_t>(out.size())) << room;
  }
}

TEST(Red, takes_as_many_blocks_as_are_read_and_no_more) {
  const std::vector<RedBlock> blocks(RedPayload::kMaxBlocks, block(0, {}));
  std::vector<std::uint8_t> out(200);
  const std::size_t size = write_red(blocks, out);
  ASSERT_NE(size, 0U);
  EXPECT_EQ(parse_red(Bytes(out).first(size))->blocks().size(), RedPayload::kMaxBlocks);
  const std::vector<RedBlock> more(RedPayload::kMaxBlocks + 1, block(0, {}));
  EXPECT_EQ(write_red(more, out), 0U);
}

}  // namespace
}  // namespace meridian::rtp
