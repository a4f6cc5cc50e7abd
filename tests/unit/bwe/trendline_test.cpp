#include "bwe/trendline.hpp"

#include <gtest/gtest.h>

#include "unit/bwe/samples.hpp"

namespace meridian::bwe {
namespace {

using test::at;

/// Groups each 20 ms whose delay grows by `growth` each.
void feed(TrendlineDetector& detector, int count, Duration growth, Instant& now) {
  for (int i = 0; i < count; ++i) {
    now = now + 20ms + growth;
    detector.on_delta({.send = 20ms, .arrival = 20ms + growth, .size = 0}, now);
  }
}

TEST(TrendlineDetector, stays_normal_while_the_delay_does) {
  TrendlineDetector detector;
  Instant now = at(1s);
  feed(detector, 200, 0ms, now);
  EXPECT_EQ(detector.state(), DelayState::kNormal);
  EXPECT_NEAR(detector.slope(), 0, 1e-9);
}

TEST(TrendlineDetector, sees_a_queue_grow_and_drain) {
  TrendlineDetector detector;
  Instant now = at(1s);
  feed(detector, 60, 0ms, now);
  feed(detector, 20, 4ms, now);
  EXPECT_EQ(detector.state(), DelayState::kOveruse);
  EXPECT_GT(detector.slope(), 0.05);
  feed(detector, 20, -4ms, now);
  EXPECT_EQ(detector.state(), DelayState::kUnderuse);
  feed(detector, 120, 0ms, now);
  EXPECT_EQ(detector.state(), DelayState::kNormal);
}

TEST(TrendlineDetector, learns_how_much_a_link_trembles) {
  TrendlineDetector detector;
  Instant now = at(1s);
  Rng rng(7);
  int overuses = 0;
  Duration late{};
  for (int i = 0; i < 1500; ++i) {
    const Duration next = std::chrono::milliseconds(rng.below(12));
    now = now + 20ms + (next - late);
    detector.on_delta({.send = 20ms, .arrival = 20ms + next - late, .size = 0}, now);
    late = next;
    overuses += i > 200 && detector.state() == DelayState::kOveruse ? 1 : 0;
  }
  EXPECT_LT(overuses, 15);
  EXPECT_GE(detector.threshold(), TrendlineDetector::kMinThreshold);
}

}  // namespace
}  // namespace meridian::bwe
