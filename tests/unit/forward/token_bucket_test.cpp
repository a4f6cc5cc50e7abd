#include "forward/token_bucket.hpp"

#include <gtest/gtest.h>

namespace meridian::forward {
namespace {

Instant at(Duration since) {
  return Instant::from_origin(since);
}

TEST(TokenBucket, lets_a_burst_pass_and_then_the_rate) {
  TokenBucket bucket(100, 10);
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(bucket.take(1, at(1s)));
  }
  EXPECT_FALSE(bucket.take(1, at(1s)));
  EXPECT_FALSE(bucket.take(1, at(1s + 9ms)));
  EXPECT_TRUE(bucket.take(1, at(1s + 10ms)));
  EXPECT_FALSE(bucket.take(1, at(1s + 19ms)));
  EXPECT_TRUE(bucket.take(1, at(1s + 20ms)));
}

TEST(TokenBucket, never_saves_more_than_the_burst) {
  TokenBucket bucket(100, 10);
  EXPECT_TRUE(bucket.take(10, at(1s)));
  EXPECT_FALSE(bucket.take(11, at(100s)));
  EXPECT_TRUE(bucket.take(10, at(100s)));
}

TEST(TokenBucket, loses_nothing_to_rounding) {
  TokenBucket bucket(3, 1);
  EXPECT_TRUE(bucket.take(1, at(0s)));
  int taken = 0;
  for (Duration t = 0ms; t <= 10s; t += 7ms) {
    taken += bucket.take(1, at(t)) ? 1 : 0;
  }
  EXPECT_GE(taken, 29);
  EXPECT_LE(taken, 30);
}

TEST(TokenBucket, time_that_goes_back_earns_nothing) {
  TokenBucket bucket(100, 1);
  EXPECT_TRUE(bucket.take(1, at(5s)));
  EXPECT_FALSE(bucket.take(1, at(1s)));
}

TEST(TokenBucket, a_smaller_burst_holds_at_once) {
  TokenBucket bucket(10, 100);
  EXPECT_TRUE(bucket.take(1, at(1s)));
  bucket.set_rate(10, 5);
  EXPECT_FALSE(bucket.take(6, at(1s)));
  EXPECT_TRUE(bucket.take(5, at(1s)));
}

}  // namespace
}  // namespace meridian::forward
