#include "bwe/reported_loss.hpp"

#include <gtest/gtest.h>

#include "unit/bwe/samples.hpp"

namespace meridian::bwe {
namespace {

using test::at;

TEST(ReportedLossEstimator, follows_what_reports_tell) {
  ReportedLossEstimator estimator(Bitrate(1'000'000), Bitrate(30'000), Bitrate(5'000'000));
  estimator.on_report(0.01, Bitrate(1'000'000), 50ms, at(1s));
  EXPECT_EQ(estimator.estimate(), Bitrate(1'081'000));
  estimator.on_report(0.05, Bitrate(1'000'000), 50ms, at(3s));
  EXPECT_EQ(estimator.estimate(), Bitrate(1'081'000));
  estimator.on_report(0.2, Bitrate(1'000'000), 50ms, at(5s));
  EXPECT_EQ(estimator.estimate(), Bitrate(972'900));
  estimator.on_report(0.2, Bitrate(1'000'000), 50ms, at(5100ms));
  EXPECT_EQ(estimator.estimate(), Bitrate(972'900));
}

TEST(ReportedLossEstimator, does_not_grow_far_beyond_what_was_tried) {
  ReportedLossEstimator estimator(Bitrate(600'000), Bitrate(30'000), Bitrate(5'000'000));
  for (int i = 1; i < 100; ++i) {
    estimator.on_report(0, Bitrate(400'000), 50ms, at(i * 1s));
  }
  EXPECT_EQ(estimator.estimate(), Bitrate(820'000));
}

}  // namespace
}  // namespace meridian::bwe
