#include "bwe/inherent_loss.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace meridian::bwe {
namespace {

/// One second at `rate` bit/s over a way that loses `loss` of it, and what exceeds `capacity`.
InherentLoss::Sample second(double rate, double loss, double capacity, Rng& rng) {
  constexpr double kSize = 1000;
  InherentLoss::Sample sample{.time = 1s};
  const double excess = std::max(1 - capacity / rate, 0.0);
  for (; sample.bytes < rate / 8; sample.bytes += kSize) {
    const bool is_lost = rng.chance(loss) || rng.chance(excess);
    sample.packets += 1;
    sample.lost += is_lost ? 1 : 0;
    sample.lost_bytes += is_lost ? kSize : 0;
  }
  return sample;
}

TEST(InherentLoss, is_what_is_lost_of_little_and_of_much_alike) {
  InherentLoss loss;
  Rng rng(1);
  for (int i = 0; i < 3; ++i) {
    loss.add(second(400e3, 0.3, 1e9, rng));
  }
  EXPECT_EQ(loss.value(), 0);  // nothing to compare with
  for (int i = 0; i < 10; ++i) {
    loss.add(second(1.8e6, 0.3, 1e9, rng));
  }
  EXPECT_NEAR(loss.value(), 0.3, 0.06);
  EXPECT_NEAR(loss.sent_rate(700e3), 1e6, 100e3);
}

TEST(InherentLoss, is_not_what_a_full_link_loses) {
  InherentLoss loss;
  Rng rng(2);
  for (int i = 0; i < 40; ++i) {
    loss.add(second(i % 8 < 4 ? 1.3e6 : 2e6, 0, 1e6, rng));
    EXPECT_LT(loss.value(), 0.02) << i;
  }
}

TEST(InherentLoss, tells_a_full_link_from_its_own_loss_on_the_same_way) {
  InherentLoss loss;
  Rng rng(3);
  for (int i = 0; i < 60; ++i) {
    loss.add(second(i % 8 < 4 ? 500e3 : i % 8 < 6 ? 1e6 : 2e6, 0.1, 1.2e6, rng));
  }
  EXPECT_NEAR(loss.value(), 0.1, 0.06);
}

TEST(InherentLoss, stays_while_the_rate_does_and_goes_when_nothing_is_lost) {
  InherentLoss loss;
  Rng rng(4);
  for (int i = 0; i < 6; ++i) {
    loss.add(second(i < 3 ? 500e3 : 1.8e6, 0.2, 1e9, rng));
  }
  for (int i = 0; i < 200; ++i) {
    loss.add(second(1.8e6, 0.2, 1e9, rng));
  }
  EXPECT_NEAR(loss.value(), 0.2, 0.05);
  for (int i = 0; i < 6; ++i) {
    loss.add(second(1.8e6, 0, 1e9, rng));
  }
  EXPECT_LT(loss.value(), 0.01);
}

TEST(InherentLoss, sees_losses_that_begin_later_once_less_is_sent) {
  InherentLoss loss;
  Rng rng(5);
  for (int i = 0; i < 20; ++i) {
    loss.add(second(1.8e6, 0, 1e9, rng));
  }
  for (int i = 0; i < 10; ++i) {
    loss.add(second(1.8e6, 0.3, 1e9, rng));
  }
  EXPECT_LT(loss.value(), 0.02);
  for (int i = 0; i < 6; ++i) {
    loss.add(second(400e3, 0.3, 1e9, rng));
  }
  EXPECT_GT(loss.value(), 0.2);
}

}  // namespace
}  // namespace meridian::bwe
