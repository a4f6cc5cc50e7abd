// Method: arithmetic of RFC 3550 sections A.3 and A.8 done by hand.
#include "rtcp/receive_stats.hpp"

#include <gtest/gtest.h>

namespace meridian::rtcp {
namespace {

Instant at(Duration time) {
  return Instant::from_origin(time);
}

TEST(ReceiveStats, reports_the_fraction_lost_of_each_interval) {
  ReceiveStats stats(90000);
  EXPECT_TRUE(stats.empty());
  for (std::uint64_t i = 0; i < 100; ++i) {
    if (i % 4 != 1) {  // 25 of 100 lost
      stats.on_packet(ExtendedSequence(65500 + i), RtpTimestamp(0), at(1s));
    }
  }
  const ReportBlock first = stats.report(Ssrc(7), at(2s));
  EXPECT_EQ(first.ssrc, Ssrc(7));
  EXPECT_EQ(first.fraction_lost, 64);
  EXPECT_EQ(first.cumulative_lost, 25);
  EXPECT_EQ(first.highest_sequence, 65599U);
  stats.on_packet(ExtendedSequence(65600), RtpTimestamp(0), at(2s));
  const ReportBlock second = stats.report(Ssrc(7), at(3s));
  EXPECT_EQ(second.fraction_lost, 0);
  EXPECT_EQ(second.cumulative_lost, 25);
}

TEST(ReceiveStats, counts_nothing_lost_in_an_interval_of_duplicates) {
  ReceiveStats stats(90000);
  for (int i = 0; i < 5; ++i) {
    stats.on_packet(ExtendedSequence(10), RtpTimestamp(0), at(1s));
  }
  const ReportBlock block = stats.report(Ssrc(1), at(2s));
  EXPECT_EQ(block.fraction_lost, 0);
  EXPECT_EQ(block.cumulative_lost, -4);
}

TEST(ReceiveStats, says_255_when_all_but_one_were_lost) {
  ReceiveStats stats(90000);
  stats.on_packet(ExtendedSequence(0), RtpTimestamp(0), at(1s));
  (void)stats.report(Ssrc(1), at(1s));
  stats.on_packet(ExtendedSequence(1'000'000), RtpTimestamp(0), at(1s));
  EXPECT_EQ(stats.report(Ssrc(1), at(1s)).fraction_lost, 255);
}

TEST(ReceiveStats, clamps_the_cumulative_loss_to_24_bits) {
  ReceiveStats stats(90000);
  stats.on_packet(ExtendedSequence(0), RtpTimestamp(0), at(1s));
  stats.on_packet(ExtendedSequence(std::uint64_t{1} << 40U), RtpTimestamp(0), at(1s));
  EXPECT_EQ(stats.report(Ssrc(1), at(1s)).cumulative_lost, 0x7fffff);
}

TEST(ReceiveStats, takes_packets_from_before_the_first_into_account) {
  ReceiveStats stats(90000);
  stats.on_packet(ExtendedSequence(65546), RtpTimestamp(0), at(1s));
  stats.on_packet(ExtendedSequence(65544), RtpTimestamp(0), at(1s));
  EXPECT_EQ(stats.lost(), 1);
}

TEST(ReceiveStats, smooths_the_deviation_of_arrivals_into_jitter) {
  ReceiveStats stats(8000);
  std::uint32_t expected_q4 = 0;
  Duration time = 1s;
  for (std::uint32_t i = 0; i < 50; ++i) {
    // 20 ms packets, every other one 5 ms (40 ticks) late.
    const Duration arrival = time + (i % 2 == 1 ? 5ms : 0ms);
    stats.on_packet(ExtendedSequence(i), RtpTimestamp(i * 160), at(arrival));
    if (i > 0) {
      expected_q4 += 40 - ((expected_q4 + 8) >> 4U);
    }
    time += 20ms;
  }
  EXPECT_EQ(stats.jitter(), expected_q4 >> 4U);
  EXPECT_GT(stats.jitter(), 30U);
}

TEST(ReceiveStats, ignores_the_spread_of_a_frame_reordering_and_timestamp_jumps_in_jitter) {
  ReceiveStats stats(90000);
  stats.on_packet(ExtendedSequence(1), RtpTimestamp(100), at(1s));
  stats.on_packet(ExtendedSequence(3), RtpTimestamp(100), at(1s + 30ms));
  stats.on_packet(ExtendedSequence(2), RtpTimestamp(50), at(1s + 40ms));
  stats.on_packet(ExtendedSequence(4), RtpTimestamp(2'000'000'000), at(1s + 50ms));
  EXPECT_EQ(stats.jitter(), 0U);
}

TEST(ReceiveStats, refers_to_the_last_sender_report) {
  ReceiveStats stats(90000);
  stats.on_packet(ExtendedSequence(1), RtpTimestamp(0), at(1s));
  EXPECT_EQ(stats.report(Ssrc(1), at(1s)).last_sender_report, 0U);
  stats.on_sender_report(NtpTime(0x1122334455667788), at(10s));
  const ReportBlock block = stats.report(Ssrc(1), at(11s + 500ms));
  EXPECT_EQ(block.last_sender_report, 0x33445566U);
  EXPECT_EQ(block.delay_since_last, 65536U * 3 / 2);
}

}  // namespace
}  // namespace meridian::rtcp
