#include "forward/receive_stream.hpp"

#include <gtest/gtest.h>

#include "unit/forward/samples.hpp"

namespace meridian::forward {
namespace {

using test::at;
constexpr auto kPrimary = ReceiveStream::Origin::kPrimary;
constexpr auto kRetransmission = ReceiveStream::Origin::kRetransmission;

TEST(DuplicateFilter, lets_each_sequence_pass_once) {
  DuplicateFilter filter;
  EXPECT_TRUE(filter.accept(ExtendedSequence(70'000)));
  EXPECT_FALSE(filter.accept(ExtendedSequence(70'000)));
  EXPECT_TRUE(filter.accept(ExtendedSequence(70'010)));
  EXPECT_TRUE(filter.accept(ExtendedSequence(70'005)));
  EXPECT_FALSE(filter.accept(ExtendedSequence(70'005)));
  EXPECT_TRUE(filter.accept(ExtendedSequence(70'010 + DuplicateFilter::kWindow)));
  EXPECT_FALSE(filter.accept(ExtendedSequence(70'009)));  // too old to tell
  EXPECT_TRUE(filter.accept(ExtendedSequence(70'012)));
}

TEST(ReceiveStream, extends_sequence_numbers_over_the_wrap) {
  ReceiveStream stream;
  EXPECT_EQ(stream.take(SequenceNumber(65'535), at(1s), kPrimary), ExtendedSequence(0x1ffff));
  EXPECT_EQ(stream.take(SequenceNumber(1), at(1s), kPrimary), ExtendedSequence(0x20001));
  EXPECT_EQ(stream.take(SequenceNumber(0), at(1s), kPrimary), ExtendedSequence(0x20000));
  EXPECT_EQ(stream.take(SequenceNumber(0), at(1s), kPrimary), std::nullopt);
}

TEST(ReceiveStream, a_retransmission_fills_a_gap_once) {
  ReceiveStream stream;
  ASSERT_TRUE(stream.take(SequenceNumber(10), at(1s), kPrimary));
  ASSERT_TRUE(stream.take(SequenceNumber(12), at(1s), kPrimary));
  EXPECT_EQ(stream.nacks().pending(), 1U);
  EXPECT_TRUE(stream.take(SequenceNumber(11), at(1s), kRetransmission));
  EXPECT_FALSE(stream.take(SequenceNumber(11), at(1s), kPrimary));
  EXPECT_EQ(stream.nacks().pending(), 0U);
}

TEST(ReceiveStream, a_retransmission_of_an_unknown_stream_is_ignored) {
  ReceiveStream stream;
  EXPECT_FALSE(stream.take(SequenceNumber(11), at(1s), kRetransmission));
}

TEST(ReceiveStream, a_confirmed_jump_begins_a_new_generation) {
  ReceiveStream stream;
  ASSERT_TRUE(stream.take(SequenceNumber(10), at(1s), kPrimary));
  const std::uint32_t before = stream.generation();
  EXPECT_FALSE(stream.take(SequenceNumber(20'000), at(1s), kPrimary));
  EXPECT_EQ(stream.generation(), before);
  EXPECT_TRUE(stream.take(SequenceNumber(20'001), at(1s), kPrimary));
  EXPECT_EQ(stream.generation(), before + 1);
}

TEST(ReceiveStream, a_single_wild_number_changes_nothing) {
  ReceiveStream stream;
  ASSERT_TRUE(stream.take(SequenceNumber(10), at(1s), kPrimary));
  EXPECT_FALSE(stream.take(SequenceNumber(20'000), at(1s), kPrimary));
  EXPECT_TRUE(stream.take(SequenceNumber(11), at(1s), kPrimary));
  EXPECT_FALSE(stream.take(SequenceNumber(20'001), at(1s), kPrimary));
}

TEST(ReceiveStream, a_gap_too_large_for_retransmission_asks_for_a_key_frame) {
  ReceiveStream stream;
  ASSERT_TRUE(stream.take(SequenceNumber(10), at(1s), kPrimary));
  ASSERT_TRUE(stream.take(SequenceNumber(2000), at(1s), kPrimary));
  EXPECT_TRUE(stream.take_key_frame_wish());
  EXPECT_FALSE(stream.take_key_frame_wish());
}

TEST(ReceiveStream, counts_loss_by_interval) {
  ReceiveStream stream;
  for (const int sequence : {1, 2, 4, 5}) {
    const auto extended = stream.take(SequenceNumber().plus(sequence), at(1s), kPrimary);
    stream.count(*extended, RtpTimestamp(0), 90'000, at(1s));
  }
  ReceiveStream::Loss loss = stream.take_loss();
  EXPECT_EQ(loss.lost, 1U);
  EXPECT_EQ(loss.expected, 5U);
  loss = stream.take_loss();
  EXPECT_EQ(loss.expected, 0U);
}

TEST(ReceiveStream, the_clock_is_that_of_the_newest_sender_report) {
  ReceiveStream stream;
  stream.handle_sender_report(rtcp::NtpTime(1), RtpTimestamp(2), at(1s));
  EXPECT_FALSE(stream.clock()) << "nothing was received: the clock rate is unknown";
  stream.count(*stream.take(SequenceNumber(1), at(1s), kPrimary), RtpTimestamp(0), 48'000, at(1s));
  stream.handle_sender_report(rtcp::NtpTime(10), RtpTimestamp(20), at(2s));
  ASSERT_TRUE(stream.clock());
  EXPECT_EQ(stream.clock()->clock_rate, 48'000U);
  EXPECT_EQ(stream.clock()->rtp, RtpTimestamp(20));
  stream.restart();
  EXPECT_FALSE(stream.clock());
}

}  // namespace
}  // namespace meridian::forward
