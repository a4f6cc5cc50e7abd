#include "forward/layer_rates.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace meridian::forward {
namespace {

class LayerRatesTest : public testing::Test {
 protected:
  /// Frames of `bytes` at 20 a second in temporal layers 0, 2, 1, 2.
  void run(Duration time, std::uint8_t spatial, std::size_t bytes, bool has_temporal = true) {
    constexpr std::array<std::uint8_t, 4> kPattern = {0, 2, 1, 2};
    for (const Instant end = now_ + time; now_ < end; now_ = now_ + 50ms) {
      rates_.on_packet(spatial, has_temporal ? kPattern[frame_ % 4] : 0,
                       bytes - LayerRates::kPacketOverhead, now_);
      ++frame_;
      if (now_ - last_ >= LayerRates::kInterval) {
        last_ = now_;
        rates_.update(now_);
      }
    }
  }
  static double kbps(Bitrate rate) { return static_cast<double>(rate.value()) / 1000; }

  LayerRates rates_;
  Instant now_ = Instant::from_origin(10s);
  Instant last_ = now_;
  std::size_t frame_ = 0;
};

TEST_F(LayerRatesTest, measures_each_temporal_layer) {
  run(5s, 0, 1000);
  const Ladder ladder = rates_.ladder(1, 1);
  ASSERT_EQ(ladder.size(), 3U);
  EXPECT_NEAR(kbps(ladder[0].rate), 40, 8);
  EXPECT_NEAR(kbps(ladder[1].rate), 80, 12);
  EXPECT_NEAR(kbps(ladder[2].rate), 160, 16);
}

TEST_F(LayerRatesTest, is_right_from_the_first_moment) {
  now_ = now_ + 300ms;  // in the middle of an interval
  run(500ms, 0, 1000, false);
  EXPECT_NEAR(kbps(rates_.ladder(1, 1)[0].rate), 160, 40);
}

TEST_F(LayerRatesTest, a_layer_that_stops_keeps_its_price) {
  run(5s, 0, 1000, false);
  for (int i = 0; i < 20; ++i) {
    now_ = now_ + LayerRates::kInterval;
    rates_.update(now_);
  }
  EXPECT_NEAR(kbps(rates_.ladder(1, 1)[0].rate), 160, 30);
}

TEST_F(LayerRatesTest, one_frame_a_second_is_measured_over_seconds) {
  for (int i = 0; i < 20; ++i) {
    rates_.on_packet(0, 0, 10'000, now_);
    rates_.update(now_);
    rates_.update(now_ + 500ms);
    now_ = now_ + 1s;
  }
  EXPECT_NEAR(kbps(rates_.ladder(1, 1)[0].rate), 80, 10);
}

TEST_F(LayerRatesTest, an_upper_layer_comes_with_at_least_half_of_its_frames) {
  run(3s, 0, 1000);
  run(3s, 1, 4000);
  const Ladder ladder = rates_.ladder(2, 3);
  ASSERT_EQ(ladder.size(), 5U);
  EXPECT_EQ(ladder[2].spatial, 0);
  EXPECT_EQ(ladder[3].spatial, 1);
  EXPECT_EQ(ladder[3].temporal, 1);
  EXPECT_NEAR(kbps(ladder[4].rate), 640, 64);
}

TEST_F(LayerRatesTest, what_does_not_come_is_no_rung) {
  run(3s, 0, 1000, false);
  EXPECT_EQ(rates_.ladder(3, 0b001).size(), 1U);
  const Ladder guessed = rates_.ladder(3, 0b111);
  ASSERT_EQ(guessed.size(), 3U);
  EXPECT_NEAR(kbps(guessed[2].rate), 9 * 160, 200);
}

TEST_F(LayerRatesTest, before_anything_came_there_is_a_guess) {
  const Ladder ladder = rates_.ladder(3, 0);
  ASSERT_EQ(ladder.size(), 3U);
  EXPECT_EQ(ladder[0].rate, LayerRates::kAssumedLowest);
  EXPECT_EQ(rates_.ladder(1, 0).size(), 1U);
}

TEST_F(LayerRatesTest, spatial_layers_of_one_stream_add_up) {
  rates_.set_table({{{100'000, 50'000, 0, 0}, {200'000, 100'000, 0, 0}, {}, {}}});
  const Ladder ladder = rates_.ladder(1, 1);
  ASSERT_EQ(ladder.size(), 4U);
  EXPECT_EQ(ladder[1].rate, Bitrate(150'000));
  EXPECT_EQ(ladder[2].rate, Bitrate(300'000));
  EXPECT_EQ(ladder[3].rate, Bitrate(450'000));
  EXPECT_EQ(ladder[3].spatial, 1);
}

TEST_F(LayerRatesTest, of_a_single_stream_lower_layers_count_for_the_higher_ones) {
  for (int i = 0; i < 200; ++i, now_ = now_ + 50ms) {
    rates_.on_packet(0, 0, 460, now_);
    rates_.on_packet(1, 0, 1960, now_);
    if (i % 10 == 9) {
      rates_.update(now_);
    }
  }
  const Ladder ladder = rates_.ladder(1, 1);
  ASSERT_EQ(ladder.size(), 2U);
  EXPECT_NEAR(kbps(ladder[0].rate), 80, 5);
  EXPECT_NEAR(kbps(ladder[1].rate), 400, 20);
}

}  // namespace
}  // namespace meridian::forward
