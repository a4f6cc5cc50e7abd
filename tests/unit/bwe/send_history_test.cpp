#include "bwe/send_history.hpp"

#include <gtest/gtest.h>

#include "unit/bwe/samples.hpp"

namespace meridian::bwe {
namespace {

using test::at;

TEST(SendHistory, tells_which_packet_a_status_is_about_once) {
  SendHistory history;
  const SequenceNumber first = history.next();
  history.on_sent(1200, 3, at(10ms));
  history.on_sent(100, kNoCluster, at(20ms));
  EXPECT_EQ(history.in_flight(), 1300U);
  history.begin_feedback();
  const auto result = history.take(first, 5s);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->sent.sent_at, at(10ms));
  EXPECT_EQ(result->sent.size, 1200U);
  EXPECT_EQ(result->sent.cluster, 3);
  EXPECT_FALSE(result->is_lost());
  EXPECT_EQ(history.newest_sent(), at(10ms));
  EXPECT_FALSE(history.take(first, 5s));
  const auto lost = history.take(first.next(), std::nullopt);
  ASSERT_TRUE(lost);
  EXPECT_TRUE(lost->is_lost());
  EXPECT_EQ(history.in_flight(), 0U);
}

TEST(SendHistory, knows_nothing_of_what_was_not_sent_or_is_too_old) {
  SendHistory history;
  const SequenceNumber first = history.next();
  EXPECT_FALSE(history.take(first, 1s));
  EXPECT_FALSE(history.take(first.plus(-1), 1s));
  EXPECT_FALSE(history.take(first.plus(-5000), 1s));
  for (std::size_t i = 0; i <= SendHistory::kCapacity; ++i) {
    history.on_sent(100, kNoCluster, at(1s));
  }
  EXPECT_FALSE(history.take(first, 1s));
  EXPECT_TRUE(history.take(first.next(), 1s));
  EXPECT_EQ(history.in_flight(), (SendHistory::kCapacity - 1) * 100);
}

TEST(SendHistory, goes_on_over_the_wrap_of_numbers_and_of_the_peers_clock) {
  SendHistory history;
  constexpr Duration kCycle = std::chrono::milliseconds(64) * (1 << 24);
  Instant last;
  for (int i = 0; i < 70'000; ++i) {
    const SequenceNumber number = history.next();
    history.on_sent(100, kNoCluster, at(i * 1ms));
    const auto result = history.take(number, (kCycle - 35s + i * 1ms) % kCycle);
    ASSERT_TRUE(result) << i;
    if (i > 0) {
      ASSERT_EQ(result->received - last, 1ms) << i;
    }
    last = result->received;
  }
}

TEST(SendHistory, tells_again_of_what_was_only_late) {
  SendHistory history;
  const SequenceNumber first = history.next();
  history.on_sent(100, kNoCluster, at(1ms));
  history.on_sent(100, kNoCluster, at(2ms));
  EXPECT_FALSE(history.take(first.next(), 100ms)->is_found());
  EXPECT_TRUE(history.take(first, std::nullopt)->is_lost());
  EXPECT_FALSE(history.take(first, std::nullopt));  // nothing new
  EXPECT_EQ(history.in_flight(), 0U);
  const auto found = history.take(first, 150ms);
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->is_found());
  EXPECT_FALSE(history.take(first, 150ms));
  for (std::size_t i = 0; i < 2 * SendHistory::kCapacity; ++i) {
    history.on_sent(100, kNoCluster, at(1s));
  }
  EXPECT_EQ(history.in_flight(), SendHistory::kCapacity * 100);
}

/// Three packets 20 ms apart on a way of 30 ms, of which the second was repeated with the third.
struct Repeated {
  SendHistory history;
  SequenceNumber first = history.next();
  SequenceNumber second = first.next();
  SequenceNumber third = second.next();
  Repeated() {
    for (const Duration sent : {0ms, 20ms, 40ms}) {
      history.on_sent(100, kNoCluster, at(sent));
    }
    history.on_repeated(second, at(40ms));
    EXPECT_FALSE(history.take(first, 1030ms)->is_lost());
  }
};

TEST(SendHistory, a_packet_of_which_only_the_repetition_arrived_was_lost) {
  Repeated sent;
  const auto second = sent.history.take(sent.second, 1070ms);
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->is_lost());
  EXPECT_FALSE(sent.history.take(sent.second, 1070ms)) << "once";
  EXPECT_FALSE(sent.history.take(sent.third, 1070ms)->is_lost());
  EXPECT_EQ(sent.history.in_flight(), 0U);
}

TEST(SendHistory, a_repeated_packet_that_arrived_at_first_was_not_lost) {
  Repeated sent;
  EXPECT_FALSE(sent.history.take(sent.second, 1055ms)->is_lost()) << "5 ms in a queue";
  EXPECT_FALSE(sent.history.take(sent.third, 1075ms)->is_lost());
}

TEST(SendHistory, a_repetition_finds_nothing_that_was_told_lost) {
  Repeated sent;
  EXPECT_FALSE(sent.history.take(sent.third, 1070ms)->is_lost());
  EXPECT_TRUE(sent.history.take(sent.second, std::nullopt)->is_lost());
  EXPECT_FALSE(sent.history.take(sent.second, 1072ms)) << "nothing new";
  EXPECT_EQ(sent.history.in_flight(), 0U);
  for (std::size_t i = 0; i < SendHistory::kCapacity; ++i) {
    sent.history.on_sent(100, kNoCluster, at(1s));
  }
  EXPECT_EQ(sent.history.in_flight(), SendHistory::kCapacity * 100);
  sent.history.on_repeated(sent.second, at(1s));  // overwritten meanwhile: of another packet
  EXPECT_FALSE(sent.history.take(sent.second, 1072ms));
}

TEST(SendHistory, takes_arrivals_in_any_order) {
  SendHistory history;
  const SequenceNumber first = history.next();
  history.on_sent(100, kNoCluster, at(1ms));
  history.on_sent(100, kNoCluster, at(2ms));
  const auto later = history.take(first, 130ms);
  const auto earlier = history.take(first.next(), 100ms);
  EXPECT_EQ(later->received - earlier->received, 30ms);
}

}  // namespace
}  // namespace meridian::bwe
