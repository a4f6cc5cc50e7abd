#include "forward/probe_schedule.hpp"

#include <gtest/gtest.h>

#include "unit/forward/samples.hpp"

namespace meridian::forward {
namespace {

using test::at;

constexpr std::size_t kPacket = 250;

/// Sends in whole packets what is due; bytes.
std::size_t send_due(ProbeSchedule& schedule, Instant now) {
  std::size_t sent = 0;
  for (const std::size_t due = schedule.take_due(now); sent < due; sent += kPacket) {
    schedule.on_sent(kPacket);
  }
  return sent;
}

TEST(ProbeSchedule, its_last_packet_leaves_at_the_end) {
  ProbeSchedule schedule;
  EXPECT_FALSE(schedule.is_active());
  // 20 ms of 2 Mbit/s.
  schedule.begin({.cluster = 3, .rate = Bitrate(2'000'000), .bytes = 5000, .packets = 5}, kPacket,
                 at(1s));
  EXPECT_EQ(schedule.cluster(), 3);
  EXPECT_EQ(send_due(schedule, at(1s)), 2500U);
  EXPECT_EQ(send_due(schedule, at(1010ms)), 2250U);
  EXPECT_TRUE(schedule.is_active());
  EXPECT_EQ(send_due(schedule, at(1020ms)), kPacket);
  EXPECT_FALSE(schedule.is_active());
  EXPECT_EQ(send_due(schedule, at(1030ms)), 0U);
}

TEST(ProbeSchedule, has_as_many_packets_as_it_takes_to_measure) {
  ProbeSchedule schedule;
  schedule.begin({.cluster = 1, .rate = Bitrate(100'000), .bytes = 250, .packets = 5}, kPacket,
                 at(1s));
  std::size_t sent = 0;
  Instant now = at(1s);
  for (; schedule.is_active(); now = now + 10ms) {
    sent += send_due(schedule, now);
  }
  EXPECT_EQ(sent, 5 * kPacket);
  EXPECT_EQ(now - at(1s), 110ms) << "1250 bytes at 100 kbit/s";
}

TEST(ProbeSchedule, a_late_clock_is_not_caught_up_with_a_longer_probe) {
  ProbeSchedule schedule;
  schedule.begin({.cluster = 1, .rate = Bitrate(2'000'000), .bytes = 5000, .packets = 5}, kPacket,
                 at(1s));
  EXPECT_EQ(send_due(schedule, at(1s)), 2500U);
  EXPECT_EQ(send_due(schedule, at(2s)), 2500U);
  EXPECT_FALSE(schedule.is_active());
}

}  // namespace
}  // namespace meridian::forward
