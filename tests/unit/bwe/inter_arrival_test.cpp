#include "bwe/inter_arrival.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "unit/bwe/samples.hpp"

namespace meridian::bwe {
namespace {

using test::at;
using test::packet;

TEST(InterArrival, compares_groups_of_5_ms) {
  InterArrival groups;
  EXPECT_FALSE(groups.on_packet(packet(1, at(0ms), at(100ms)), at(200ms)));
  EXPECT_FALSE(groups.on_packet(packet(2, at(4ms), at(106ms)), at(200ms)));
  EXPECT_FALSE(groups.on_packet(packet(3, at(20ms), at(130ms), 500), at(200ms)));
  const auto delta = groups.on_packet(packet(4, at(40ms), at(150ms)), at(200ms));
  ASSERT_TRUE(delta);
  EXPECT_EQ(delta->send, 16ms);
  EXPECT_EQ(delta->arrival, 24ms);
  EXPECT_EQ(delta->size, 500 - 2400);
}

TEST(InterArrival, takes_a_burst_that_waited_on_the_way_as_one_group) {
  InterArrival groups;
  (void)groups.on_packet(packet(1, at(0ms), at(100ms)), at(200ms));
  // Sent 20 ms apart, and come 1 ms apart.
  (void)groups.on_packet(packet(2, at(20ms), at(180ms)), at(200ms));
  EXPECT_FALSE(groups.on_packet(packet(3, at(40ms), at(181ms)), at(200ms)));
  EXPECT_FALSE(groups.on_packet(packet(4, at(60ms), at(182ms)), at(200ms)));
  const auto delta = groups.on_packet(packet(5, at(80ms), at(200ms)), at(200ms));
  ASSERT_TRUE(delta);
  EXPECT_EQ(delta->send, 60ms);
  EXPECT_EQ(delta->arrival, 82ms);
}

TEST(InterArrival, leaves_out_what_comes_for_a_group_that_is_over) {
  InterArrival groups;
  (void)groups.on_packet(packet(1, at(20ms), at(100ms)), at(200ms));
  EXPECT_FALSE(groups.on_packet(packet(0, at(0ms), at(110ms)), at(200ms)));
  (void)groups.on_packet(packet(2, at(40ms), at(130ms)), at(200ms));
  const auto delta = groups.on_packet(packet(3, at(60ms), at(150ms)), at(200ms));
  ASSERT_TRUE(delta);
  EXPECT_EQ(delta->arrival, 30ms);
}

TEST(InterArrival, begins_anew_when_the_peers_clock_jumps) {
  InterArrival groups;
  (void)groups.on_packet(packet(1, at(0ms), at(100ms)), at(200ms));
  (void)groups.on_packet(packet(2, at(20ms), at(5s)), at(220ms));
  EXPECT_FALSE(groups.on_packet(packet(3, at(40ms), at(5020ms)), at(240ms)));
  (void)groups.on_packet(packet(4, at(60ms), at(5040ms)), at(260ms));
  (void)groups.on_packet(packet(5, at(80ms), at(5060ms)), at(280ms));
  const auto delta = groups.on_packet(packet(6, at(100ms), at(5080ms)), at(300ms));
  ASSERT_TRUE(delta);
  EXPECT_EQ(delta->arrival, 20ms);
}

}  // namespace
}  // namespace meridian::bwe
