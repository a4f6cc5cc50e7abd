#include "bwe/queue_overflow.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace meridian::bwe {
namespace {

void lose(QueueOverflow& overflow, Rng& random, double loss, int packets) {
  for (int i = 0; i < packets; ++i) {
    overflow.on_packet(random.chance(loss));
  }
}

TEST(QueueOverflow, is_seen_within_a_few_packets_and_ends_with_the_losses) {
  QueueOverflow overflow;
  Rng random(1);
  lose(overflow, random, 0.005, 500);
  EXPECT_FALSE(overflow.is_overflowing(0));
  lose(overflow, random, 0.8, 8);
  EXPECT_TRUE(overflow.is_overflowing(0));
  lose(overflow, random, 0, 60);
  EXPECT_FALSE(overflow.is_overflowing(0));
}

TEST(QueueOverflow, is_nothing_that_is_lost_as_a_rule) {
  for (const double loss : {0.1, 0.2, 0.3}) {
    QueueOverflow overflow;
    Rng random(2);
    lose(overflow, random, loss, 300);
    int seen = 0;
    for (int i = 0; i < 1000; ++i) {
      lose(overflow, random, loss, 1);
      seen += overflow.is_overflowing(0) ? 1 : 0;
    }
    EXPECT_LT(seen, 100) << loss;
  }
}

TEST(QueueOverflow, is_nothing_that_the_way_is_known_to_lose) {
  QueueOverflow overflow;
  Rng random(3);
  lose(overflow, random, 0, 300);
  for (int i = 0; i < 24; ++i) {
    overflow.on_packet(i % 3 == 0);
  }
  EXPECT_TRUE(overflow.is_overflowing(0));
  EXPECT_FALSE(overflow.is_overflowing(0.3));
  overflow.reset();
  EXPECT_FALSE(overflow.is_overflowing(0));
}

}  // namespace
}  // namespace meridian::bwe
