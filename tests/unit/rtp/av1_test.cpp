#include "rtp/av1.hpp"

#include <gtest/gtest.h>

#include "unit/rtp/hex.hpp"

namespace meridian::rtp {
namespace {

TEST(Av1, reads_the_aggregation_header) {
  // N, W=2: sequence header (length 2), frame with extension T1 S2
  const auto header = parse_av1(hex("28 02 08 00 34 30 ff"));
  ASSERT_TRUE(header);
  EXPECT_TRUE(header->starts_sequence);
  EXPECT_FALSE(header->continues_obu);
  EXPECT_FALSE(header->is_continued);
  EXPECT_EQ(header->obu_count, 2U);
  ASSERT_TRUE(header->first_obu);
  EXPECT_EQ(header->first_obu->type, 1U);
}

TEST(Av1, a_single_element_has_no_length) {
  const auto header = parse_av1(hex("50 34 30 ff"));  // Y, W=1
  ASSERT_TRUE(header);
  EXPECT_TRUE(header->is_continued);
  ASSERT_TRUE(header->first_obu);
  EXPECT_EQ(header->first_obu->type, 6U);
  EXPECT_EQ(header->first_obu->temporal_layer, 1U);
  EXPECT_EQ(header->first_obu->spatial_layer, 2U);
}

TEST(Av1, skips_lengths_of_several_bytes) {
  const auto header = parse_av1(hex("00 80818001 30 ff"));
  ASSERT_TRUE(header);
  ASSERT_TRUE(header->first_obu);
  EXPECT_EQ(header->first_obu->type, 6U);
}

TEST(Av1, a_continued_fragment_has_no_obu_header) {
  const auto header = parse_av1(hex("90 34 30"));
  ASSERT_TRUE(header);
  EXPECT_TRUE(header->continues_obu);
  EXPECT_FALSE(header->first_obu);
}

TEST(Av1, refuses_contradictions_and_empty_payloads) {
  EXPECT_FALSE(parse_av1({}));
  EXPECT_FALSE(parse_av1(hex("10")));
  EXPECT_FALSE(parse_av1(hex("98 30"))) << "N and Z";
}

TEST(Av1, an_implausible_obu_header_is_not_reported) {
  EXPECT_FALSE(parse_av1(hex("10 b0"))->first_obu) << "forbidden bit";
  EXPECT_FALSE(parse_av1(hex("10 34"))->first_obu) << "extension is missing";
  EXPECT_FALSE(parse_av1(hex("00 05"))->first_obu) << "nothing behind the length";
}

}  // namespace
}  // namespace meridian::rtp
