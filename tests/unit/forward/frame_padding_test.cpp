#include "forward/frame_padding.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace meridian::forward {
namespace {

using Sizes = std::vector<std::size_t>;
using Padding = std::vector<std::uint8_t>;

Padding planned(const Sizes& sizes) {
  Padding padding(sizes.size(), 77);
  FramePadding::plan(sizes, padding);
  return padding;
}

TEST(FramePadding, brings_packets_that_differ_by_a_byte_to_one_size) {
  EXPECT_EQ(planned({1100, 1100, 1101, 1101}), (Padding{1, 1, 0, 0}));
}

TEST(FramePadding, leaves_a_shorter_last_packet_as_it_is) {
  EXPECT_EQ(planned({1201, 1200, 1200, 300}), (Padding{0, 1, 1, 0}));
}

TEST(FramePadding, equal_packets_need_none) {
  EXPECT_EQ(planned({1200, 1200, 1200}), (Padding{0, 0, 0}));
  EXPECT_EQ(planned({1200}), (Padding{0}));
  EXPECT_EQ(planned({}), (Padding{}));
}

TEST(FramePadding, gives_a_packet_no_more_than_its_limit) {
  EXPECT_EQ(planned({1168, 1200, 1200}), (Padding{32, 0, 0}));
  EXPECT_EQ(planned({1167, 1200, 1200}), (Padding{0, 0, 0}));
}

TEST(FramePadding, gives_a_frame_no_more_than_its_share) {
  EXPECT_EQ(planned({98, 98, 100}), (Padding{2, 2, 0}));  // 4 of 296
  EXPECT_EQ(planned({97, 97, 100}), (Padding{0, 0, 0}));  // 6 of 294
}

}  // namespace
}  // namespace meridian::forward
