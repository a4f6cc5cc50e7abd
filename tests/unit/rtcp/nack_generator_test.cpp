#include "rtcp/nack_generator.hpp"

#include <memory>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace meridian::rtcp {
namespace {

using Outcome = NackGenerator::Outcome;

class NackGeneratorTest : public testing::Test {
 protected:
  static Instant at(Duration time) { return Instant::from_origin(time); }
  Outcome packet(std::uint64_t sequence, Duration time) {
    return nack_.on_packet(ExtendedSequence(sequence), at(time));
  }
  std::vector<int> poll(Duration time, std::size_t room = 1000) {
    std::vector<SequenceNumber> out(room);
    out.resize(nack_.poll(at(time), out));
    std::vector<int> numbers;
    for (const SequenceNumber sequence : out) {
      numbers.push_back(sequence.value());
    }
    return numbers;
  }
  NackGenerator nack_;
};

TEST_F(NackGeneratorTest, asks_for_a_gap_after_the_reorder_delay) {
  EXPECT_EQ(packet(65534, 1s), Outcome::kInOrder);
  EXPECT_TRUE(nack_.next_timeout().is_never());
  EXPECT_EQ(packet(65537, 1s), Outcome::kGap);
  EXPECT_EQ(nack_.next_timeout(), at(1s + NackGenerator::kReorderDelay));
  EXPECT_TRUE(poll(1s + 4ms).empty());
  EXPECT_EQ(poll(1s + 5ms), (std::vector{65535, 0}));
}

TEST_F(NackGeneratorTest, does_not_ask_for_what_was_only_reordered) {
  packet(1, 1s);
  packet(3, 1s);
  EXPECT_EQ(packet(2, 1s + 2ms), Outcome::kRecovered);
  EXPECT_EQ(packet(2, 1s + 3ms), Outcome::kOld);
  EXPECT_TRUE(nack_.next_timeout().is_never());
  EXPECT_TRUE(poll(2s).empty());
}

TEST_F(NackGeneratorTest, what_takes_longer_than_a_round_trip_is_given_its_time) {
  nack_.set_round_trip(40ms);
  packet(1, 1s);
  packet(3, 1s);
  EXPECT_EQ(poll(1s + 5ms).size(), 1U);
  EXPECT_EQ(nack_.next_timeout(), at(1s + 45ms));
  EXPECT_EQ(packet(2, 1s + 305ms), Outcome::kRecovered) << "waited in the sender's queue";
  packet(5, 2s);
  EXPECT_EQ(poll(2s + 5ms).size(), 1U);
  EXPECT_EQ(nack_.next_timeout(), at(2s + 305ms));
  packet(4, 2s + 25ms);
  for (std::uint64_t i = 0; i < 40; ++i) {  // the queue is empty again
    const Duration time = 3s + static_cast<int>(i) * 100ms;
    packet(7 + 2 * i, time);
    EXPECT_EQ(poll(time + 5ms).size(), 1U);
    packet(6 + 2 * i, time + 25ms);
  }
  packet(87, 8s);
  EXPECT_EQ(poll(8s + 5ms).size(), 1U);
  EXPECT_EQ(nack_.next_timeout(), at(8s + 45ms)) << "no sooner than the round trip";
}

TEST_F(NackGeneratorTest, what_comes_by_itself_says_nothing_of_the_round_trip) {
  nack_.set_round_trip(40ms);
  packet(1, 1s);
  packet(3, 1s);
  packet(2, 1s + 3ms);
  packet(5, 2s);
  EXPECT_EQ(poll(2s + 5ms).size(), 1U);
  EXPECT_EQ(nack_.next_timeout(), at(2s + 45ms));
}

TEST_F(NackGeneratorTest, repeats_at_the_round_trip_within_bounds) {
  nack_.set_round_trip(3ms);
  packet(1, 1s);
  packet(3, 1s);
  EXPECT_EQ(poll(1s + 5ms).size(), 1U);
  EXPECT_EQ(nack_.next_timeout(), at(1s + 25ms));
  EXPECT_TRUE(poll(1s + 24ms).empty());
  nack_.set_round_trip(60ms);
  EXPECT_EQ(poll(1s + 25ms).size(), 1U);
  EXPECT_TRUE(poll(1s + 84ms).empty());
  EXPECT_EQ(poll(1s + 85ms).size(), 1U);
  nack_.set_round_trip(1h);
  EXPECT_EQ(poll(1s + 145ms).size(), 1U);
  EXPECT_EQ(nack_.next_timeout(), at(1s + 145ms + NackGenerator::kMaxInterval));
}

TEST_F(NackGeneratorTest, gives_up_after_ten_tries) {
  nack_.set_round_trip(20ms);
  packet(1, 1s);
  packet(3, 1s);
  int asked = 0;
  for (Duration time = 1s; time < 3s; time += 1ms) {
    asked += static_cast<int>(poll(time).size());
  }
  EXPECT_EQ(asked, NackGenerator::kMaxRetries);
  EXPECT_EQ(nack_.abandoned(), 1U);
  EXPECT_EQ(nack_.pending(), 0U);
  EXPECT_EQ(packet(2, 3s), Outcome::kOld);
}

TEST_F(NackGeneratorTest, gives_up_on_what_is_too_old) {
  nack_.set_round_trip(400ms);
  packet(1, 1s);
  packet(3, 1s);
  int asked = 0;
  for (Duration time = 1s; time < 4s; time += 1ms) {
    asked += static_cast<int>(poll(time).size());
  }
  EXPECT_EQ(asked, 3);  // at 5, 405 and 805 ms
  EXPECT_EQ(nack_.abandoned(), 1U);
}

TEST_F(NackGeneratorTest, forgets_everything_and_says_so_when_the_gap_is_too_large) {
  packet(1, 1s);
  packet(3, 1s);
  EXPECT_EQ(packet(3 + NackGenerator::kMaxPending + 1, 1s), Outcome::kTooLarge);
  EXPECT_EQ(nack_.pending(), 0U);
  EXPECT_TRUE(nack_.next_timeout().is_never());
  EXPECT_EQ(packet(3 + NackGenerator::kMaxPending + 2, 1s), Outcome::kInOrder);
}

TEST_F(NackGeneratorTest, never_awaits_more_than_its_limit) {
  packet(0, 1s);
  EXPECT_EQ(packet(NackGenerator::kMaxPending + 1, 1s), Outcome::kGap);
  EXPECT_EQ(nack_.pending(), NackGenerator::kMaxPending);
  EXPECT_EQ(packet(NackGenerator::kMaxPending + 3, 1s), Outcome::kTooLarge);
}

TEST_F(NackGeneratorTest, hands_out_the_rest_on_the_next_call_when_the_buffer_is_small) {
  packet(1, 1s);
  packet(12, 1s);
  EXPECT_EQ(poll(1s + 5ms, 4), (std::vector{2, 3, 4, 5}));
  EXPECT_EQ(nack_.next_timeout(), at(1s + 5ms));
  EXPECT_EQ(poll(1s + 5ms, 4), (std::vector{6, 7, 8, 9}));
  EXPECT_EQ(poll(1s + 5ms, 4), (std::vector{10, 11}));
}

TEST_F(NackGeneratorTest, gives_up_on_what_the_ring_no_longer_reaches) {
  packet(0, 1s);
  packet(2, 1s);
  for (std::uint64_t i = 3; i < 1100; ++i) {
    packet(i, 1s);
  }
  EXPECT_EQ(nack_.pending(), 0U);
  EXPECT_EQ(nack_.abandoned(), 1U);
  EXPECT_EQ(packet(1, 1s), Outcome::kOld);
}

// A set of awaited sequences without a ring, as the oracle.
TEST_F(NackGeneratorTest, agrees_with_a_plain_set_under_random_loss_and_reordering) {
  Rng rng(7);
  std::set<std::uint64_t> missing;
  std::uint64_t highest = 70000;
  packet(highest, 0s);
  Duration time = 0s;
  for (int i = 0; i < 200000; ++i) {
    time += 50us;
    if (!missing.empty() && rng.chance(0.3)) {
      const std::uint64_t number = *missing.begin();
      ASSERT_EQ(packet(number, time), Outcome::kRecovered);
      missing.erase(number);
    } else {
      const std::uint64_t skipped = rng.chance(0.1) ? rng.below(4) : 0;
      for (std::uint64_t n = highest + 1; n <= highest + skipped; ++n) {
        missing.insert(n);
      }
      highest += skipped + 1;
      ASSERT_EQ(packet(highest, time), skipped > 0 ? Outcome::kGap : Outcome::kInOrder);
      while (!missing.empty() && *missing.begin() + 1024 <= highest) {
        missing.erase(missing.begin());
      }
    }
    ASSERT_EQ(nack_.pending(), missing.size());
    for (const int sequence : poll(time)) {
      const auto low = static_cast<std::uint16_t>(sequence);
      ASSERT_TRUE(missing.contains(extend(SequenceNumber(low), ExtendedSequence(highest)).value()));
    }
    if (i % 1000 == 0) {  // age would make them differ: start afresh
      for (const std::uint64_t number : std::exchange(missing, {})) {
        ASSERT_EQ(packet(number, time), Outcome::kRecovered);
      }
    }
  }
}

}  // namespace
}  // namespace meridian::rtcp
