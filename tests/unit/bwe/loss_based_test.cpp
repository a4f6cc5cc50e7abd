#include "bwe/loss_based.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "unit/bwe/samples.hpp"

namespace meridian::bwe {
namespace {

using test::at;
using test::packet;

/// Sends at `rate`, of which `loss` is lost, for `time`; feedback each 100 ms.
void run(LossBasedEstimator& estimator, double rate, double loss, Bitrate delay_based,
         Duration time, Instant& now, Rng& rng) {
  const auto apart = Duration(static_cast<Duration::rep>(1200 * 8e9 / rate));
  std::vector<PacketResult> packets;
  Instant reported = now;
  for (const Instant end = now + time; now < end; now = now + apart) {
    const bool is_lost = rng.chance(loss);
    packets.push_back(packet(0, now, is_lost ? Instant::never() : now + 20ms));
    if (now - reported >= 100ms) {
      estimator.update(packets, delay_based, to_bitrate(rate * (1 - loss)), false);
      packets.clear();
      reported = now;
    }
  }
}

TEST(LossBasedEstimator, leaves_the_estimate_alone_without_losses) {
  LossBasedEstimator estimator(Bitrate(30'000), Bitrate(20'000'000));
  Rng rng(1);
  Instant now = at(1s);
  EXPECT_FALSE(estimator.estimate());
  run(estimator, 1e6, 0, Bitrate(1'000'000), 5s, now, rng);
  EXPECT_EQ(estimator.estimate(), Bitrate(1'000'000));
  EXPECT_EQ(estimator.state(), LossBasedEstimator::State::kDelayBased);
}

TEST(LossBasedEstimator, a_little_random_loss_is_not_a_full_link) {
  LossBasedEstimator estimator(Bitrate(30'000), Bitrate(20'000'000));
  Rng rng(2);
  Instant now = at(1s);
  run(estimator, 1e6, 0.02, Bitrate(1'000'000), 10s, now, rng);
  EXPECT_GT(*estimator.estimate(), Bitrate(900'000));
}

TEST(LossBasedEstimator, much_loss_brings_it_down_and_its_end_brings_it_back) {
  LossBasedEstimator estimator(Bitrate(30'000), Bitrate(20'000'000));
  Rng rng(3);
  Instant now = at(1s);
  run(estimator, 2e6, 0, Bitrate(2'000'000), 3s, now, rng);
  run(estimator, 2e6, 0.6, Bitrate(2'000'000), 4s, now, rng);
  EXPECT_LT(*estimator.estimate(), Bitrate(1'000'000));
  EXPECT_NE(estimator.state(), LossBasedEstimator::State::kDelayBased);
  EXPECT_GT(estimator.average_loss(), 0.3);
  for (int i = 0; i < 20; ++i) {
    run(estimator, to_double(*estimator.estimate()), 0, Bitrate(2'000'000), 1s, now, rng);
  }
  EXPECT_EQ(estimator.estimate(), Bitrate(2'000'000));
}

TEST(LossBasedEstimator, what_goes_through_is_not_too_much) {
  LossBasedEstimator estimator(Bitrate(30'000), Bitrate(20'000'000));
  Rng rng(5);
  Instant now = at(1s);
  run(estimator, 1e6, 0, Bitrate(1'000'000), 3s, now, rng);
  run(estimator, 1e6, 0.7, Bitrate(1'000'000), 4s, now, rng);
  EXPECT_LT(*estimator.estimate(), Bitrate(400'000));
  EXPECT_GE(*estimator.estimate(), Bitrate(299'000)) << "of a million 300'000 arrive";
}

TEST(LossBasedEstimator, a_probe_that_went_through_says_more_than_losses_before_it) {
  LossBasedEstimator estimator(Bitrate(30'000), Bitrate(20'000'000));
  Rng rng(6);
  Instant now = at(1s);
  run(estimator, 1e6, 0, Bitrate(1'000'000), 3s, now, rng);
  run(estimator, 1e6, 0.9, Bitrate(1'000'000), 2s, now, rng);
  ASSERT_LT(*estimator.estimate(), Bitrate(300'000));
  estimator.on_probe(Bitrate(50'000), Bitrate(1'000'000));
  EXPECT_GT(*estimator.estimate(), Bitrate(50'000)) << "no news";
  estimator.on_probe(Bitrate(400'000), Bitrate(1'000'000));
  EXPECT_EQ(estimator.estimate(), Bitrate(400'000));
  run(estimator, 400e3, 0, Bitrate(1'000'000), 500ms, now, rng);
  EXPECT_GE(*estimator.estimate(), Bitrate(400'000)) << "what was lost before is forgotten";
  run(estimator, 400e3, 0.6, Bitrate(1'000'000), 2s, now, rng);
  EXPECT_LT(*estimator.estimate(), Bitrate(300'000)) << "what is lost after it isn't";
  estimator.on_probe(Bitrate(1'000'000), Bitrate(1'000'000));
  EXPECT_EQ(estimator.state(), LossBasedEstimator::State::kDelayBased);
}

TEST(LossBasedEstimator, never_exceeds_the_delay_based_estimate) {
  LossBasedEstimator estimator(Bitrate(30'000), Bitrate(20'000'000));
  Rng rng(4);
  Instant now = at(1s);
  for (const std::uint64_t rate : {1'000'000U, 400'000U, 3'000'000U, 100'000U}) {
    run(estimator, 1e6, 0.1, Bitrate(rate), 2s, now, rng);
    EXPECT_LE(*estimator.estimate(), Bitrate(rate));
  }
}

}  // namespace
}  // namespace meridian::bwe
