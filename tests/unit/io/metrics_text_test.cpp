#include "io/metrics_text.hpp"

#include <array>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

namespace meridian::io {
namespace {

class MetricsTextTest : public testing::Test {
 protected:
  std::string render() {
    const std::array workers = {WorkerMetrics{RegionId("uk-london"), &first_, &first_io_},
                                WorkerMetrics{RegionId("uk-london"), &second_, &second_io_}};
    return render_metrics({.workers = workers,
                           .control = control_,
                           .http = {},
                           .is_audit_writable = true,
                           .certificate_left = {}});
  }
  metrics::WorkerCounters first_;
  metrics::WorkerCounters second_;
  IoCounters first_io_;
  IoCounters second_io_;
  node::ControlCounters control_;
};

TEST_F(MetricsTextTest, adds_the_workers_of_a_region_up) {
  first_.in(metrics::Traffic::kRtpVideo).add(1200);
  second_.in(metrics::Traffic::kRtpVideo).add(800);
  first_.drop(metrics::DropReason::kSrtpReplayed);
  const std::string text = render();
  EXPECT_NE(text.find("meridian_packets_total{direction=\"in\",kind=\"rtp_video\","
                      "region=\"uk-london\"} 2"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("meridian_bytes_total{direction=\"in\",kind=\"rtp_video\","
                      "region=\"uk-london\"} 2000"),
            std::string::npos);
  EXPECT_NE(text.find("meridian_drops_total{reason=\"srtp_replayed\",region=\"uk-london\"} 1"),
            std::string::npos);
}

TEST_F(MetricsTextTest, shows_how_many_more_people_each_region_takes) {
  control_.free_places = {{RegionId("uk-london"), 7}};
  EXPECT_NE(render().find("meridian_places_free{region=\"uk-london\"} 7"), std::string::npos);
}

TEST_F(MetricsTextTest, shows_how_people_and_rooms_are_spread) {
  control_.worker_people = {
      {.worker = WorkerIndex(1), .region = RegionId("uk-london"), .count = 7}};
  control_.rooms_spread = {{RegionId("uk-london"), 2}};
  const std::string text = render();
  EXPECT_NE(text.find("meridian_worker_participants{region=\"uk-london\",worker=\"1\"} 7"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("meridian_rooms_spread{region=\"uk-london\"} 2"), std::string::npos);
}

TEST_F(MetricsTextTest, histogram_buckets_are_cumulative_and_end_with_all) {
  first_.forward_latency.record(30us);
  second_.forward_latency.record(30us);
  first_.forward_latency.record(10s);
  const std::string text = render();
  EXPECT_NE(
      text.find("meridian_forward_latency_seconds_bucket{region=\"uk-london\",le=\"5e-05\"} 2"),
      std::string::npos)
      << text;
  EXPECT_NE(
      text.find("meridian_forward_latency_seconds_bucket{region=\"uk-london\",le=\"+Inf\"} 3"),
      std::string::npos);
  EXPECT_NE(text.find("meridian_forward_latency_seconds_count{region=\"uk-london\"} 3"),
            std::string::npos);
}

TEST_F(MetricsTextTest, shows_what_control_counts) {
  control_.joins = 7;
  control_.rooms_now = 2;
  control_.refusals = {{"region_not_allowed", 3}};
  const std::string text = render();
  EXPECT_NE(text.find("meridian_joins_total 7"), std::string::npos);
  EXPECT_NE(text.find("meridian_rooms 2"), std::string::npos);
  EXPECT_NE(text.find("meridian_refusals_total{reason=\"region_not_allowed\"} 3"),
            std::string::npos);
}

TEST_F(MetricsTextTest, each_name_is_described_once_and_begins_with_ours) {
  std::set<std::string> described;
  std::istringstream lines(render());
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# TYPE ")) {
      const std::string name = line.substr(7, line.find(' ', 7) - 7);
      EXPECT_TRUE(name.starts_with("meridian_")) << name;
      EXPECT_TRUE(described.insert(name).second) << name;
    }
  }
  EXPECT_GT(described.size(), 20U);
}

}  // namespace
}  // namespace meridian::io
