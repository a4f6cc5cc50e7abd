#include "forward/pacer.hpp"

#include <gtest/gtest.h>

namespace meridian::forward {
namespace {

using Delay = Pacer::Delay;

class PacerTest : public testing::Test {
 protected:
  /// Packets of `size` that leave at once.
  std::size_t burst(std::size_t size) {
    std::size_t count = 0;
    while (pacer_.may_send(now_) && count < 1000) {
      pacer_.on_sent(size, now_);
      ++count;
    }
    return count;
  }
  Pacer pacer_;
  Instant now_ = Instant::from_origin(10s);
};

TEST_F(PacerTest, a_burst_is_forty_milliseconds_of_the_rate) {
  pacer_.set_rate(Bitrate(1'000'000), Delay::kNormal, now_);
  EXPECT_EQ(burst(1250), 4U);  // 5,000 bytes
  EXPECT_EQ(burst(1250), 0U);
}

TEST_F(PacerTest, a_burst_is_sixteen_packets_at_most) {
  pacer_.set_rate(Bitrate(100'000'000), Delay::kNormal, now_);
  EXPECT_EQ(burst(1250), 16U);
  now_ = now_ + 2ms;
  EXPECT_EQ(burst(1250), 16U);
}

TEST_F(PacerTest, while_the_delay_grows_bursts_are_small) {
  pacer_.set_rate(Bitrate(4'000'000), Delay::kGrowing, now_);
  EXPECT_EQ(burst(1250), 2U);
}

TEST_F(PacerTest, what_waits_leaves_when_a_burst_is_paid_for) {
  pacer_.set_rate(Bitrate(1'000'000), Delay::kNormal, now_);
  (void)burst(1250);
  const Instant next = pacer_.next_release(100'000, now_);
  EXPECT_NEAR(static_cast<double>((next - now_).count()), 40e6, 1e5);
  // Little does not wait for more.
  EXPECT_NEAR(static_cast<double>((pacer_.next_release(1250, now_) - now_).count()), 10e6, 1e5);
  now_ = next;
  EXPECT_EQ(burst(1250), 4U);
}

TEST_F(PacerTest, over_time_no_more_than_the_rate_leaves) {
  pacer_.set_rate(Bitrate(1'000'000), Delay::kNormal, now_);
  std::size_t packets = 0;
  for (int i = 0; i < 1000; ++i) {
    packets += burst(1250);
    now_ = now_ + 1ms;
  }
  EXPECT_NEAR(static_cast<double>(packets), 100 + 4, 2);
}

TEST_F(PacerTest, a_debt_is_bounded) {
  pacer_.set_rate(Bitrate(1'000'000), Delay::kNormal, now_);
  for (int i = 0; i < 100; ++i) {
    pacer_.on_sent(1250, now_);
  }
  now_ = now_ + 81ms;
  EXPECT_TRUE(pacer_.may_send(now_));
}

}  // namespace
}  // namespace meridian::forward
