#include "rtp/sequence.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace meridian::rtp {
namespace {

TEST(SequenceUnwrapper, begins_one_cycle_up_so_that_earlier_packets_have_a_place) {
  SequenceUnwrapper unwrapper;
  EXPECT_FALSE(unwrapper.highest());
  EXPECT_EQ(unwrapper.unwrap(SequenceNumber(2)), ExtendedSequence(65538));
  EXPECT_EQ(unwrapper.unwrap(SequenceNumber(65535)), ExtendedSequence(65535));
  EXPECT_EQ(unwrapper.highest(), ExtendedSequence(65538));
}

TEST(SequenceUnwrapper, follows_three_wraps_with_loss_and_reordering) {
  SequenceUnwrapper unwrapper;
  Rng rng(11);
  const std::uint64_t begin = 65536 + 65000;
  std::uint64_t highest = begin;
  EXPECT_EQ(unwrapper.unwrap(SequenceNumber(65000)), ExtendedSequence(begin));
  while (highest < begin + 200'000) {
    highest += 1 + rng.below(8);
    const std::uint64_t sent = rng.chance(0.3) ? highest - rng.below(8) : highest;
    const auto low = static_cast<std::uint16_t>(sent);
    ASSERT_EQ(unwrapper.unwrap(SequenceNumber(low)), ExtendedSequence(sent));
    highest = unwrapper.highest()->value();
  }
}

TEST(SequenceUnwrapper, peek_changes_nothing) {
  SequenceUnwrapper unwrapper;
  EXPECT_EQ(unwrapper.peek(SequenceNumber(5)), ExtendedSequence(65541));
  EXPECT_FALSE(unwrapper.highest());
  (void)unwrapper.unwrap(SequenceNumber(65535));
  EXPECT_EQ(unwrapper.peek(SequenceNumber(0)), ExtendedSequence(131072));
  EXPECT_EQ(unwrapper.highest(), ExtendedSequence(131071));
  unwrapper.reset();
  EXPECT_FALSE(unwrapper.highest());
}

TEST(TimestampUnwrapper, counts_wraps_in_both_directions) {
  TimestampUnwrapper unwrapper;
  constexpr std::uint64_t kCycle = std::uint64_t{1} << 32U;
  EXPECT_EQ(unwrapper.unwrap(RtpTimestamp(10)), ExtendedTimestamp(kCycle + 10));
  EXPECT_EQ(unwrapper.unwrap(RtpTimestamp(0xfffffff0)), ExtendedTimestamp(kCycle - 16));
  EXPECT_EQ(unwrapper.unwrap(RtpTimestamp(3000)), ExtendedTimestamp(kCycle + 3000));
  EXPECT_EQ(unwrapper.unwrap(RtpTimestamp(0x80000000)), ExtendedTimestamp(kCycle + 0x80000000U));
  EXPECT_EQ(unwrapper.unwrap(RtpTimestamp(0)), ExtendedTimestamp(kCycle))
      << "half a cycle away: backwards";
  unwrapper.reset();
  EXPECT_EQ(unwrapper.unwrap(RtpTimestamp(1)), ExtendedTimestamp(kCycle + 1));
}

TEST(TimestampUnwrapper, never_goes_below_zero) {
  TimestampUnwrapper unwrapper;
  (void)unwrapper.unwrap(RtpTimestamp(0));
  for (std::uint32_t back = 1; back < 10; ++back) {
    const std::uint32_t low = 0U - back * 0x7fffffffU;
    EXPECT_EQ(unwrapper.unwrap(RtpTimestamp(low)).value() & 0xffffffffU, low);
  }
}

}  // namespace
}  // namespace meridian::rtp
