#include "bwe/remb.hpp"

#include <gtest/gtest.h>

namespace meridian::bwe {
namespace {

Instant at(Duration time) {
  return Instant::from_origin(time);
}

TEST(RembEstimate, clamps_whatever_is_claimed) {
  RembEstimate remb(Bitrate(5'000'000));
  EXPECT_FALSE(remb.estimate(at(0s)));
  remb.on_remb(Bitrate(0), at(0s));
  EXPECT_EQ(remb.estimate(at(1s)), Bitrate(30'000));
  remb.on_remb(Bitrate(UINT64_MAX), at(0s));
  EXPECT_EQ(remb.estimate(at(1s)), Bitrate(5'000'000));
  remb.on_remb(Bitrate(700'000), at(0s));
  EXPECT_EQ(remb.estimate(at(1s)), Bitrate(700'000));
}

TEST(RembEstimate, forgets_a_claim_that_is_not_repeated) {
  RembEstimate remb(Bitrate(5'000'000));
  remb.on_remb(Bitrate(700'000), at(0s));
  EXPECT_TRUE(remb.estimate(at(10s)));
  EXPECT_FALSE(remb.estimate(at(11s)));
}

}  // namespace
}  // namespace meridian::bwe
