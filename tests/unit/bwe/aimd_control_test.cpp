#include "bwe/aimd_control.hpp"

#include <gtest/gtest.h>

#include "unit/bwe/samples.hpp"

namespace meridian::bwe {
namespace {

using test::at;

constexpr Bitrate kMin(30'000);
constexpr Bitrate kMax(20'000'000);

TEST(AimdControl, grows_by_8_percent_a_second_up_to_half_more_than_goes_through) {
  AimdControl aimd(Bitrate(1'000'000), kMin, kMax);
  for (int i = 0; i <= 10; ++i) {
    aimd.update(DelayState::kNormal, Bitrate(1'000'000), at(1s + i * 100ms));
  }
  EXPECT_NEAR(static_cast<double>(aimd.estimate().value()), 1'080'000, 2000);
  for (int i = 0; i <= 200; ++i) {
    aimd.update(DelayState::kNormal, Bitrate(1'000'000), at(2s + i * 100ms));
  }
  EXPECT_EQ(aimd.estimate(), Bitrate(1'510'000));
}

TEST(AimdControl, does_not_grow_while_the_source_limits) {
  AimdControl aimd(Bitrate(1'000'000), kMin, kMax);
  aimd.set_in_alr(true);
  for (int i = 0; i <= 10; ++i) {
    aimd.update(DelayState::kNormal, Bitrate(300'000), at(1s + i * 100ms));
  }
  EXPECT_EQ(aimd.estimate(), Bitrate(1'000'000));
}

TEST(AimdControl, backs_off_to_85_percent_of_what_goes_through_and_waits_for_the_queue) {
  AimdControl aimd(Bitrate(2'000'000), kMin, kMax);
  aimd.update(DelayState::kNormal, Bitrate(2'000'000), at(1s));
  EXPECT_EQ(aimd.update(DelayState::kOveruse, Bitrate(1'000'000), at(2s)), Bitrate(845'000));
  EXPECT_EQ(aimd.update(DelayState::kUnderuse, Bitrate(1'000'000), at(3s)), Bitrate(845'000));
  // Near the limit that was seen it goes up by little.
  aimd.update(DelayState::kNormal, Bitrate(845'000), at(4s));
  aimd.update(DelayState::kNormal, Bitrate(845'000), at(5s));
  EXPECT_GT(aimd.estimate(), Bitrate(845'000));
  EXPECT_LT(aimd.estimate(), Bitrate(880'000));
}

TEST(AimdControl, forgets_the_limit_when_clearly_more_goes_through) {
  AimdControl aimd(Bitrate(1'000'000), kMin, kMax);
  aimd.update(DelayState::kOveruse, Bitrate(1'000'000), at(1s));
  EXPECT_TRUE(aimd.capacity().is_known());
  aimd.update(DelayState::kNormal, Bitrate(2'000'000), at(2s));
  EXPECT_FALSE(aimd.capacity().is_known());
}

TEST(AimdControl, waits_a_round_trip_between_decreases) {
  AimdControl aimd(Bitrate(1'000'000), kMin, kMax);
  aimd.set_round_trip(100ms);
  aimd.update(DelayState::kOveruse, Bitrate(1'000'000), at(1s));
  EXPECT_FALSE(aimd.may_decrease_again(Bitrate(900'000), at(1050ms)));
  EXPECT_TRUE(aimd.may_decrease_again(Bitrate(900'000), at(1100ms)));
  EXPECT_TRUE(aimd.may_decrease_again(Bitrate(100'000), at(1050ms)));
}

TEST(AimdControl, keeps_its_bounds) {
  AimdControl aimd(Bitrate(40'000), kMin, kMax);
  EXPECT_EQ(aimd.update(DelayState::kOveruse, Bitrate(1000), at(1s)), kMin);
  aimd.set_estimate(Bitrate(900'000'000), at(2s));
  EXPECT_EQ(aimd.estimate(), kMax);
}

}  // namespace
}  // namespace meridian::bwe
