#include "rtcp/send_stats.hpp"

#include <gtest/gtest.h>

namespace meridian::rtcp {
namespace {

Instant at(Duration time) {
  return Instant::from_origin(time);
}

const SourceClock kSource{NtpTime(std::uint64_t{1000} << 32U), RtpTimestamp(0xffffff00), at(5s),
                          90000};

TEST(SendStats, moves_the_publishers_clocks_by_the_same_time) {
  SendStats stats;
  stats.on_packet(100);
  stats.on_packet(50);
  const SenderReport report = stats.report(Ssrc(3), kSource, 1000, at(7s + 500ms));
  EXPECT_EQ(report.sender, Ssrc(3));
  EXPECT_EQ(report.ntp.value(), (std::uint64_t{1002} << 32U) + 0x80000000U);
  EXPECT_EQ(report.rtp.value(), 0xffffff00U + 1000U + 225000U);  // modulo 2^32
  EXPECT_EQ(report.packets, 2U);
  EXPECT_EQ(report.octets, 150U);
}

TEST(SendStats, keeps_tracks_in_sync_although_their_reports_came_at_different_times) {
  // One moment of the publisher, said by both tracks in reports that came two seconds apart.
  const SourceClock audio{NtpTime(std::uint64_t{1000} << 32U), RtpTimestamp(0), at(5s), 48000};
  const SourceClock video{NtpTime(std::uint64_t{1002} << 32U), RtpTimestamp(180000), at(7s), 90000};
  SendStats a;
  SendStats v;
  const SenderReport ra = a.report(Ssrc(1), audio, 0, at(9s));
  const SenderReport rv = v.report(Ssrc(2), video, 0, at(9s));
  EXPECT_EQ(ra.ntp, rv.ntp);
  EXPECT_EQ(ra.rtp.value() / 48, rv.rtp.value() / 90);
}

TEST(SendStats, measures_the_round_trip_from_a_receivers_block) {
  SendStats stats;
  const SenderReport report = stats.report(Ssrc(3), kSource, 0, at(10s));
  ReportBlock block;
  block.last_sender_report = report.ntp.compact();
  block.delay_since_last = 65536;  // held for a second
  EXPECT_EQ(stats.on_report_block(block, at(11s + 40ms)), 40ms);
}

TEST(SendStats, ignores_reports_that_were_never_sent_or_are_too_old) {
  SendStats stats;
  ReportBlock block;
  EXPECT_FALSE(stats.on_report_block(block, at(1s)));
  block.last_sender_report = 0x7fffffff;  // in the future
  EXPECT_FALSE(stats.on_report_block(block, at(1s)));
  block.last_sender_report = stats.report(Ssrc(3), kSource, 0, at(10s)).ntp.compact();
  EXPECT_FALSE(stats.on_report_block(block, at(30s)));
  for (int i = 1; i < 20; ++i) {
    (void)stats.report(Ssrc(3), kSource, 0, at(10s + i * 1s));
  }
  EXPECT_FALSE(stats.on_report_block(block, at(12s)));  // fell out of what is remembered
}

TEST(SendStats, gives_the_shortest_round_trip_when_the_delay_is_a_lie) {
  SendStats stats;
  ReportBlock block;
  block.last_sender_report = stats.report(Ssrc(3), kSource, 0, at(10s)).ntp.compact();
  block.delay_since_last = 0xffffffff;
  EXPECT_EQ(stats.on_report_block(block, at(11s)), SendStats::kMinRoundTrip);
}

}  // namespace
}  // namespace meridian::rtcp
