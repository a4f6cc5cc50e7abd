#include "metrics/worker_counters.hpp"

#include <gtest/gtest.h>

namespace meridian::metrics {
namespace {

TEST(WorkerCounters, count_up_and_down) {
  WorkerCounters counters;
  counters.transports.increment();
  counters.transports.increment();
  counters.transports.decrement();
  EXPECT_EQ(counters.transports.value(), 1U);
  counters.drop(DropReason::kOversized);
  EXPECT_EQ(counters.dropped[static_cast<std::size_t>(DropReason::kOversized)].value(), 1U);
  counters.in(Traffic::kStun).add(100);
  counters.in(Traffic::kStun).add(28);
  EXPECT_EQ(counters.in(Traffic::kStun).packets.value(), 2U);
  EXPECT_EQ(counters.in(Traffic::kStun).bytes.value(), 128U);
  EXPECT_EQ(counters.out(Traffic::kStun).packets.value(), 0U);
}

TEST(LatencyHistogram, each_latency_falls_in_the_bucket_whose_bound_holds_it) {
  LatencyHistogram histogram;
  histogram.record(20us);
  histogram.record(20us + 1ns);
  histogram.record(-5us);  // clocks of two cores
  histogram.record(1s);
  EXPECT_EQ(histogram.count(0), 2U);
  EXPECT_EQ(histogram.count(1), 1U);
  EXPECT_EQ(histogram.count(LatencyHistogram::kBounds.size()), 1U);
  EXPECT_EQ(histogram.sum(), 1s + 40us + 1ns);
}

TEST(LatencyHistogram, the_bounds_ascend) {
  for (std::size_t i = 1; i < LatencyHistogram::kBounds.size(); ++i) {
    EXPECT_LT(LatencyHistogram::kBounds[i - 1], LatencyHistogram::kBounds[i]);
  }
}

}  // namespace
}  // namespace meridian::metrics
