#include "bwe/arrival_recorder.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace meridian::bwe {
namespace {

Instant at(Duration time) {
  return Instant::from_origin(time);
}

/// Arrival times of the report in ms, -1 for those that did not arrive.
std::vector<int> times_of(const ArrivalReport& report) {
  std::vector<int> times;
  for (const Instant time : report.times) {
    times.push_back(time.is_never() ? -1 : static_cast<int>(time.since_origin() / 1ms));
  }
  return times;
}

TEST(ArrivalRecorder, reports_after_100_ms_with_gaps_marked) {
  ArrivalRecorder recorder;
  EXPECT_TRUE(recorder.next_timeout().is_never());
  recorder.on_packet(SequenceNumber(65534), at(10ms));
  recorder.on_packet(SequenceNumber(1), at(12ms));
  recorder.on_packet(SequenceNumber(65535), at(13ms));
  EXPECT_EQ(recorder.next_timeout(), at(110ms));
  EXPECT_FALSE(recorder.poll(at(109ms)));
  const auto report = recorder.poll(at(110ms));
  ASSERT_TRUE(report);
  EXPECT_EQ(report->base, SequenceNumber(65534));
  EXPECT_EQ(report->feedback_count, 0);
  EXPECT_EQ(times_of(*report), (std::vector{10, 13, -1, 12}));
  recorder.on_reported(4, at(110ms));
  EXPECT_FALSE(recorder.poll(at(500ms)));
  EXPECT_TRUE(recorder.next_timeout().is_never());
}

TEST(ArrivalRecorder, starts_the_next_report_where_the_last_ended) {
  ArrivalRecorder recorder;
  recorder.on_packet(SequenceNumber(1), at(0ms));
  recorder.on_reported(recorder.poll(at(100ms))->times.size(), at(100ms));
  recorder.on_packet(SequenceNumber(3), at(150ms));
  const auto report = recorder.poll(at(200ms));
  ASSERT_TRUE(report);
  EXPECT_EQ(report->base, SequenceNumber(2));
  EXPECT_EQ(report->feedback_count, 1);
  EXPECT_EQ(times_of(*report), (std::vector{-1, 150}));
}

TEST(ArrivalRecorder, goes_back_for_a_packet_that_was_reported_lost) {
  ArrivalRecorder recorder;
  recorder.on_packet(SequenceNumber(1), at(0ms));
  recorder.on_packet(SequenceNumber(3), at(1ms));
  recorder.on_reported(recorder.poll(at(100ms))->times.size(), at(100ms));
  recorder.on_packet(SequenceNumber(2), at(120ms));
  const auto report = recorder.poll(at(200ms));
  ASSERT_TRUE(report);
  EXPECT_EQ(report->base, SequenceNumber(2));
  EXPECT_EQ(times_of(*report), (std::vector{120, 1}));
}

TEST(ArrivalRecorder, keeps_the_first_arrival_of_a_duplicate) {
  ArrivalRecorder recorder;
  recorder.on_packet(SequenceNumber(1), at(5ms));
  recorder.on_packet(SequenceNumber(1), at(50ms));
  EXPECT_EQ(times_of(*recorder.poll(at(200ms))), (std::vector{5}));
}

TEST(ArrivalRecorder, stays_due_until_all_is_written) {
  ArrivalRecorder recorder;
  for (std::uint16_t i = 0; i < 10; ++i) {
    recorder.on_packet(SequenceNumber(i), at(0ms));
  }
  ASSERT_TRUE(recorder.poll(at(100ms)));
  recorder.on_reported(6, at(100ms));
  const auto rest = recorder.poll(at(100ms));
  ASSERT_TRUE(rest);
  EXPECT_EQ(rest->base, SequenceNumber(6));
  EXPECT_EQ(rest->times.size(), 4U);
  EXPECT_EQ(rest->feedback_count, 1);
  recorder.on_reported(4, at(100ms));
  EXPECT_FALSE(recorder.poll(at(100ms)));
}

TEST(ArrivalRecorder, reports_sooner_when_many_packets_wait) {
  ArrivalRecorder recorder;
  for (std::uint16_t i = 0; i < ArrivalRecorder::kBusyPackets; ++i) {
    recorder.on_packet(SequenceNumber(i), at(0ms));
  }
  EXPECT_EQ(recorder.next_timeout(), at(50ms));
  for (std::uint16_t i = 0; i < ArrivalRecorder::kMaxUnreported; ++i) {
    recorder.on_packet(SequenceNumber(i), at(0ms));
  }
  EXPECT_TRUE(recorder.poll(at(0ms)));
}

TEST(ArrivalRecorder, never_reports_more_than_its_history) {
  ArrivalRecorder recorder;
  for (std::uint32_t i = 0; i < 200'000; ++i) {
    recorder.on_packet(SequenceNumber(static_cast<std::uint16_t>(i * 3)), at(i * 1ms));
  }
  const auto report = recorder.poll(at(1h));
  ASSERT_TRUE(report);
  EXPECT_EQ(report->times.size(), ArrivalRecorder::kHistory);
  EXPECT_FALSE(report->times.back().is_never());
}

TEST(ArrivalRecorder, starts_again_after_a_jump) {
  ArrivalRecorder recorder;
  recorder.on_packet(SequenceNumber(1), at(0ms));
  recorder.on_packet(SequenceNumber(20'000), at(1ms));
  const auto report = recorder.poll(at(1s));
  ASSERT_TRUE(report);
  EXPECT_EQ(report->base, SequenceNumber(20'000));
  EXPECT_EQ(report->times.size(), 1U);
}

TEST(ArrivalRecorder, ignores_what_is_older_than_its_history) {
  ArrivalRecorder recorder;
  recorder.on_packet(SequenceNumber(5000), at(0ms));
  recorder.on_packet(SequenceNumber(3000), at(1ms));
  EXPECT_EQ(recorder.poll(at(1s))->times.size(), 1U);
}

}  // namespace
}  // namespace meridian::bwe
