#include "io/transmit_barrier.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace meridian::io {
namespace {

using Queue = TransmitBarrier::Queue;

const Instant kStart = Instant::from_origin(10s);

std::optional<std::uint64_t> poll(TransmitBarrier& barrier, std::initializer_list<Queue> queues,
                                  Duration after) {
  return barrier.poll(std::vector<Queue>(queues), kStart + after);
}
TransmitBarrier begun(std::initializer_list<Queue> queues) {
  TransmitBarrier barrier;
  barrier.begin(7, std::vector<Queue>(queues), kStart);
  return barrier;
}

TEST(TransmitBarrier, falls_at_once_when_nothing_waits) {
  TransmitBarrier barrier = begun({{1000, 0}});
  EXPECT_TRUE(barrier.is_standing());
  EXPECT_EQ(poll(barrier, {{1000, 0}}, 0ms), 7U);
  EXPECT_FALSE(barrier.is_standing());
  EXPECT_EQ(poll(barrier, {{1000, 0}}, 0ms), std::nullopt);  // told once
}

TEST(TransmitBarrier, stands_while_a_socket_still_holds_what_it_was_given_before) {
  TransmitBarrier barrier = begun({{1000, 0}, {5000, 2304}});
  EXPECT_EQ(poll(barrier, {{1000, 0}, {5000, 2304}}, 1ms), std::nullopt);
  EXPECT_EQ(poll(barrier, {{1000, 0}, {5000, 768}}, 2ms), std::nullopt);
  EXPECT_EQ(poll(barrier, {{1000, 0}, {5000, 0}}, 3ms), 7U);
}

TEST(TransmitBarrier, remembers_each_socket_that_was_seen_empty) {
  TransmitBarrier barrier = begun({{0, 700}, {0, 700}});
  EXPECT_EQ(poll(barrier, {{0, 0}, {0, 700}}, 1ms), std::nullopt);
  EXPECT_EQ(poll(barrier, {{900, 1000}, {0, 0}}, 2ms), 7U);  // new traffic doesn't matter
}

TEST(TransmitBarrier, a_busy_socket_is_dry_when_what_waits_can_only_be_newer) {
  TransmitBarrier barrier = begun({{1000, 900}});
  const Duration late = TransmitBarrier::kPatience;
  EXPECT_EQ(poll(barrier, {{1500, 400}}, late - 1ms), std::nullopt);  // may still be the old ones
  EXPECT_EQ(poll(barrier, {{1500, 501}}, late), std::nullopt);
  EXPECT_EQ(poll(barrier, {{1500, 500}}, late), 7U);
}

TEST(TransmitBarrier, a_newer_one_takes_the_place_of_one_that_stands) {
  TransmitBarrier barrier = begun({{1000, 900}});
  barrier.begin(8, std::vector<Queue>{{2000, 900}}, kStart + 1s);
  EXPECT_EQ(poll(barrier, {{2000, 900}}, 1s), std::nullopt);
  EXPECT_EQ(poll(barrier, {{2000, 0}}, 1s), 8U);
}

}  // namespace
}  // namespace meridian::io
