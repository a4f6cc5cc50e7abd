#include "forward/pacing.hpp"

#include <cstdint>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

namespace meridian::forward {
namespace {

using Queue = Pacing::Queue;

class PacingTest : public testing::Test {
 protected:
  WaitingPacket packet(std::uint16_t number, const Subscription* of = nullptr) const {
    return {.subscription = const_cast<Subscription*>(of),
            .since = now_,
            .sequence = SequenceNumber(number),
            .size = 1250,
            .padding = 0,
            .is_key = false};
  }
  void fill() {
    while (!pacing_.must_wait(Queue::kVideo, now_)) {
      pacing_.on_sent(1250, now_);
    }
  }
  std::vector<std::uint16_t> release() {
    std::vector<std::uint16_t> numbers;
    while (const auto released = pacing_.release(now_)) {
      numbers.push_back(released->packet.sequence.value());
      pacing_.on_sent(released->packet.size, now_);
    }
    return numbers;
  }
  /// Never looked into here: only told apart.
  const Subscription* first_ = reinterpret_cast<const Subscription*>(std::uintptr_t{16});
  const Subscription* second_ = reinterpret_cast<const Subscription*>(std::uintptr_t{32});
  Pacing pacing_;
  Instant now_ = Instant::from_origin(10s);
};

TEST_F(PacingTest, without_a_rate_nothing_waits) {
  for (int i = 0; i < 1000; ++i) {
    EXPECT_FALSE(pacing_.must_wait(Queue::kVideo, now_));
    pacing_.on_sent(1250, now_);
  }
  EXPECT_TRUE(pacing_.next_release(now_).is_never());
}

TEST_F(PacingTest, more_than_a_burst_waits_and_leaves_in_order) {
  pacing_.set_rate(Bitrate(1'000'000), Pacer::Delay::kNormal, now_);
  fill();
  for (std::uint16_t i = 0; i < 8; ++i) {
    ASSERT_TRUE(pacing_.wait(Queue::kVideo, packet(i)));
  }
  const Instant next = pacing_.next_release(now_);
  EXPECT_GT(next, now_ + 30ms);
  EXPECT_LT(next, now_ + 60ms);
  now_ = next;
  EXPECT_EQ(release(), (std::vector<std::uint16_t>{0, 1, 2, 3}));
  EXPECT_EQ(pacing_.waiting(), 4U);
  now_ = pacing_.next_release(now_);
  EXPECT_EQ(release(), (std::vector<std::uint16_t>{4, 5, 6, 7}));
  EXPECT_TRUE(pacing_.next_release(now_).is_never());
}

TEST_F(PacingTest, whoever_comes_later_waits_behind) {
  pacing_.set_rate(Bitrate(1'000'000), Pacer::Delay::kNormal, now_);
  fill();
  ASSERT_TRUE(pacing_.wait(Queue::kVideo, packet(0)));
  now_ = now_ + 200ms;
  EXPECT_TRUE(pacing_.must_wait(Queue::kVideo, now_));
  EXPECT_FALSE(pacing_.must_wait(Queue::kResend, now_)) << "retransmissions go before video";
}

TEST_F(PacingTest, retransmissions_leave_before_video) {
  pacing_.set_rate(Bitrate(1'000'000), Pacer::Delay::kNormal, now_);
  fill();
  ASSERT_TRUE(pacing_.wait(Queue::kVideo, packet(0)));
  ASSERT_TRUE(pacing_.wait(Queue::kResend, packet(1)));
  now_ = pacing_.next_release(now_);
  EXPECT_EQ(release(), (std::vector<std::uint16_t>{1, 0}));
}

TEST_F(PacingTest, when_the_rate_is_gone_all_may_leave) {
  pacing_.set_rate(Bitrate(1'000'000), Pacer::Delay::kNormal, now_);
  fill();
  for (std::uint16_t i = 0; i < 100; ++i) {
    ASSERT_TRUE(pacing_.wait(Queue::kVideo, packet(i)));
  }
  pacing_.set_rate(std::nullopt, Pacer::Delay::kNormal, now_);
  EXPECT_EQ(pacing_.next_release(now_), now_);
  EXPECT_EQ(release().size(), 100U);
}

TEST_F(PacingTest, as_many_wait_as_may) {
  for (std::uint16_t i = 0; i < Pacing::kMaxVideo; ++i) {
    ASSERT_TRUE(pacing_.wait(Queue::kVideo, packet(i)));
  }
  EXPECT_FALSE(pacing_.wait(Queue::kVideo, packet(0)));
  for (std::uint16_t i = 0; i < Pacing::kMaxResends; ++i) {
    ASSERT_TRUE(pacing_.wait(Queue::kResend, packet(i)));
  }
  EXPECT_FALSE(pacing_.wait(Queue::kResend, packet(0)));
}

TEST_F(PacingTest, what_waits_too_long_is_told_but_key_frames_may) {
  WaitingPacket key = packet(1, first_);
  key.is_key = true;
  ASSERT_TRUE(pacing_.wait(Queue::kVideo, key));
  ASSERT_TRUE(pacing_.wait(Queue::kVideo, packet(2, second_)));
  pacing_.set_rate(Bitrate(1'000'000), Pacer::Delay::kNormal, now_);
  now_ = now_ + Pacing::kMaxWait + 1ms;
  EXPECT_EQ(pacing_.late(now_), nullptr);
  ASSERT_TRUE(pacing_.release(now_));
  EXPECT_EQ(pacing_.late(now_), second_);
  EXPECT_EQ(pacing_.late(now_ - 2ms), nullptr);
}

TEST_F(PacingTest, what_waits_of_a_subscription_can_be_taken_out) {
  ASSERT_TRUE(pacing_.wait(Queue::kVideo, packet(1, first_)));
  ASSERT_TRUE(pacing_.wait(Queue::kVideo, packet(2, second_)));
  ASSERT_TRUE(pacing_.wait(Queue::kVideo, packet(3, first_)));
  ASSERT_TRUE(pacing_.wait(Queue::kVideo, packet(4, second_)));
  ASSERT_TRUE(pacing_.wait(Queue::kResend, packet(5, first_)));
  std::vector<std::uint16_t> forgotten;
  pacing_.remove(*first_,
                 [&](const WaitingPacket& one) { forgotten.push_back(one.sequence.value()); });
  EXPECT_EQ(forgotten, (std::vector<std::uint16_t>{1, 3}));
  EXPECT_EQ(release(), (std::vector<std::uint16_t>{2, 4}));
}

}  // namespace
}  // namespace meridian::forward
