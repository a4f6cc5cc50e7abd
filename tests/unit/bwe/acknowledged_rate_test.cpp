#include "bwe/acknowledged_rate.hpp"

#include <gtest/gtest.h>

#include "unit/bwe/samples.hpp"

namespace meridian::bwe {
namespace {

using test::at;
using test::packet;

TEST(AcknowledgedRate, says_nothing_before_ten_packets) {
  AcknowledgedRate rate;
  for (std::uint64_t i = 0; i < 9; ++i) {
    rate.on_packet(packet(i, at(i * 10ms), at(i * 10ms + 50ms), 1250));
  }
  EXPECT_FALSE(rate.rate());
  rate.on_packet(packet(9, at(90ms), at(140ms), 1250));
  EXPECT_EQ(rate.rate(), Bitrate(1'000'000));
}

TEST(AcknowledgedRate, is_what_arrives_when_the_link_is_slower_than_the_sender) {
  AcknowledgedRate rate;
  for (std::uint64_t i = 0; i < 200; ++i) {
    rate.on_packet(packet(i, at(i * 5ms), at(i * 20ms + 50ms), 1250));
  }
  EXPECT_EQ(rate.rate(), Bitrate(500'000));
}

TEST(AcknowledgedRate, is_what_was_sent_when_a_queue_empties_at_once) {
  AcknowledgedRate rate;
  for (std::uint64_t i = 0; i < 100; ++i) {
    rate.on_packet(packet(i, at(i * 20ms), at(2s + i * 1ms), 1250));
  }
  EXPECT_NEAR(static_cast<double>(rate.rate()->value()), 500'000, 5000);
}

TEST(AcknowledgedRate, leaves_out_one_pause) {
  AcknowledgedRate rate;
  for (std::uint64_t i = 0; i < 60; ++i) {
    const Duration pause = i >= 30 ? 700ms : 0ms;
    rate.on_packet(packet(i, at(i * 10ms), at(i * 10ms + pause), 1250));
  }
  EXPECT_NEAR(static_cast<double>(rate.rate()->value()), 1'000'000, 30'000);
}

TEST(AcknowledgedRate, tells_what_came_since_a_moment_apart_from_what_came_before) {
  AcknowledgedRate rate;
  for (std::uint64_t i = 0; i < 100; ++i) {
    rate.on_packet(packet(i, at(i * 5ms), at(i * 5ms), 1250));
  }
  EXPECT_FALSE(rate.received_since(at(500ms)));
  for (std::uint64_t i = 0; i < 5; ++i) {
    rate.on_packet(packet(100 + i, at(500ms + i * 5ms), at(500ms + i * 40ms), 1250));
    EXPECT_EQ(rate.received_since(at(500ms)).has_value(), i == 4) << i;
  }
  EXPECT_EQ(rate.received_since(at(500ms)), Bitrate(250'000));
  EXPECT_GT(*rate.rate(), Bitrate(1'000'000));
}

TEST(AcknowledgedRate, tells_what_came_while_packets_waited_behind_each_other) {
  AcknowledgedRate rate;
  // Each 200 ms three packets at once, of which each takes 40 ms behind the other; 10 ms of way.
  for (std::uint64_t i = 0; i < 9; ++i) {
    const Duration sent = (i / 3) * 200ms;
    rate.on_packet(packet(i, at(sent), at(sent + 50ms + (i % 3) * 40ms), 1250));
  }
  EXPECT_EQ(rate.queued_since(at(0ms), 10ms), Bitrate(250'000));
  EXPECT_FALSE(rate.queued_since(at(0ms), 500ms)) << "none of them waited";
  EXPECT_FALSE(rate.queued_since(at(250ms), 10ms)) << "too few since then";
}

TEST(AcknowledgedRate, says_nothing_of_packets_that_came_almost_at_once) {
  AcknowledgedRate rate;
  for (std::uint64_t i = 0; i < 50; ++i) {
    rate.on_packet(packet(i, at(i * 1ms), at(i * 1ms), 1250));
  }
  EXPECT_FALSE(rate.received_since(at(0ms)));
}

TEST(AcknowledgedRate, takes_packets_in_any_order_and_a_jump_of_the_clock) {
  AcknowledgedRate rate;
  for (std::uint64_t i = 0; i < 100; i += 2) {
    rate.on_packet(packet(i + 1, at(i * 10ms + 10ms), at(i * 10ms + 10ms), 1250));
    rate.on_packet(packet(i, at(i * 10ms), at(i * 10ms), 1250));
  }
  EXPECT_NEAR(static_cast<double>(rate.rate()->value()), 1'000'000, 30'000);
  rate.on_packet(packet(100, at(1s), at(60s), 1250));
  rate.on_packet(packet(101, at(1s), at(1s), 1250));
  EXPECT_FALSE(rate.rate());
  for (std::uint64_t i = 0; i < 2000; ++i) {  // the ring goes round
    rate.on_packet(packet(i, at(i * 1ms), at(100s + i * 1ms), 125));
  }
  EXPECT_NEAR(static_cast<double>(rate.rate()->value()), 1'000'000, 30'000);
}

}  // namespace
}  // namespace meridian::bwe
