#include "bwe/standing_queue.hpp"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "unit/bwe/samples.hpp"

namespace meridian::bwe {
namespace {

using test::at;
using test::packet;

/// Packets each 5 ms that are late by what `late` says; how many of them found a queue standing.
template <class Late>
int feed(StandingQueue& queue, Instant from, Duration time, Late late) {
  std::vector<PacketResult> packets;
  for (Duration sent{}; sent < time; sent += 5ms) {
    packets.push_back(packet(0, from + sent, from + sent + 30ms + late(sent)));
  }
  std::ranges::sort(packets, {}, &PacketResult::received);
  int found = 0;
  for (const PacketResult& each : packets) {
    queue.on_packet(each);
    found += queue.is_standing() ? 1 : 0;
  }
  return found;
}

TEST(StandingQueue, sees_a_queue_that_grows) {
  StandingQueue queue;
  EXPECT_EQ(feed(queue, at(1s), 2s, [](Duration) { return 0ms; }), 0);
  EXPECT_GT(feed(queue, at(3s), 250ms, [](Duration sent) { return sent / 2; }), 0);
}

TEST(StandingQueue, packets_of_one_frame_that_wait_for_each_other_are_none) {
  StandingQueue queue;
  Instant busy;
  for (Instant now = at(1s); now < at(11s); now = now + 5ms) {
    const Duration since = now - at(1s);
    // Seven packets of a frame, or a small one of audio, on 2.5 Mbit/s.
    const int count = since % 35ms == 0ms ? 7 : since % 20ms == 0ms ? 1 : 0;
    for (int i = 0; i < count; ++i) {
      busy = std::max(busy, now) + (count > 1 ? 3200us : 400us);
      queue.on_packet(packet(0, now, busy + 30ms));
      EXPECT_FALSE(queue.is_standing());
    }
  }
  EXPECT_FALSE(queue.is_shuffled());
}

TEST(StandingQueue, packets_out_of_order_are_seldom_one_and_a_queue_behind_them_is) {
  StandingQueue queue;
  Rng rng(1);
  const auto late = [&](Duration) { return std::chrono::milliseconds(rng.below(200)); };
  (void)feed(queue, at(1s), 2s, late);
  EXPECT_LT(feed(queue, at(3s), 60s, late), 120);  // of 12000
  EXPECT_TRUE(queue.is_shuffled());
  EXPECT_GT(feed(queue, at(63s), 2s, [&](Duration sent) { return sent / 4 + late(sent); }), 50);
}

TEST(StandingQueue, packets_that_are_held_back_and_let_go_are_seldom_one) {
  StandingQueue queue;
  Rng rng(2);
  Duration held{};
  Duration last{};
  const auto late = [&](Duration sent) {
    held = sent % 50ms == 0ms ? Duration(std::chrono::milliseconds(rng.below(200))) : held;
    last = std::max(last, sent + held);  // in order
    return last - sent;
  };
  EXPECT_LT(feed(queue, at(1s), 60s, late), 600);  // of 12000
}

TEST(StandingQueue, what_trembles_is_none_although_nothing_comes_at_once) {
  StandingQueue queue;
  Rng rng(3);
  Duration held{};
  Duration last{};
  Duration full{};
  const auto late = [&](Duration sent) {
    held = sent % 50ms == 0ms ? Duration(std::chrono::milliseconds(15 + rng.below(185))) : held;
    last = std::max(last, sent + held);  // in order
    return last - sent + full;
  };
  (void)feed(queue, at(1s), 100ms, [](Duration) { return 0ms; });
  (void)feed(queue, at(1100ms), 10s, late);
  last = {};
  EXPECT_LT(feed(queue, at(11100ms), 50s, late), 500);  // of 10000
  last = {};
  full = 300ms;
  EXPECT_GT(feed(queue, at(61100ms), 5s, late), 300) << "a queue beside it is seen";  // of 1000
}

}  // namespace
}  // namespace meridian::bwe
