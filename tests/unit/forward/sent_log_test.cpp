#include "forward/sent_log.hpp"

#include <gtest/gtest.h>

namespace meridian::forward {
namespace {

SentPacket sent(std::uint64_t sequence) {
  return {.layer = 2,
          .generation = 0x107,
          .source_sequence = 99,
          .rewrite = {.sequence = ExtendedSequence(sequence),
                      .timestamp = RtpTimestamp(1234),
                      .picture_id = 77,
                      .frame_number = 88,
                      .tl0_picture_index = 5,
                      .key_index = 6,
                      .marker = true}};
}

TEST(SentLog, remembers_what_was_sent) {
  SentLog log;
  log.add(sent(0x20005));
  const auto found = log.find(SequenceNumber(5));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->layer, 2);
  EXPECT_EQ(found->generation, 7U);  // its low bits
  EXPECT_EQ(found->source_sequence, 99U);
  EXPECT_EQ(found->rewrite.timestamp, RtpTimestamp(1234));
  EXPECT_EQ(found->rewrite.picture_id, 77);
  EXPECT_EQ(found->rewrite.frame_number, 88);
  EXPECT_EQ(found->rewrite.tl0_picture_index, 5);
  EXPECT_EQ(found->rewrite.key_index, 6);
  EXPECT_TRUE(found->rewrite.marker);
}

TEST(SentLog, does_not_find_what_was_never_sent_or_is_overwritten) {
  SentLog log;
  EXPECT_FALSE(log.find(SequenceNumber(0)));
  log.add(sent(0x20005));
  EXPECT_FALSE(log.find(SequenceNumber(5 + SentLog::kMinCapacity)));
  log.add(sent(0x20005 + SentLog::kMinCapacity));
  EXPECT_FALSE(log.find(SequenceNumber(5)));
}

TEST(SentLog, keeps_what_it_knows_when_it_grows) {
  SentLog log;
  for (std::uint64_t i = 0; i < SentLog::kMinCapacity; ++i) {
    log.add(sent(0x20000 + i));
  }
  log.reserve(SentLog::kMinCapacity);
  EXPECT_EQ(log.capacity(), SentLog::kMinCapacity);
  log.reserve(SentLog::kMinCapacity + 1);
  EXPECT_EQ(log.capacity(), 5 * SentLog::kMinCapacity / 4);
  for (std::uint16_t i = 0; i < SentLog::kMinCapacity; ++i) {
    EXPECT_TRUE(log.find(SequenceNumber(i))) << i;
  }
  log.add(sent(0x20000 + SentLog::kMinCapacity));
  EXPECT_TRUE(log.find(SequenceNumber(0)));
}

TEST(SentLog, grows_by_what_the_stream_needs_and_no_more) {
  SentLog log;
  log.reserve(300);
  EXPECT_EQ(log.capacity(), 320U);
  log.reserve(310);
  EXPECT_EQ(log.capacity(), 320U);
  // Its size is no divisor of 2^16: numbers are found across their wrap all the same.
  for (std::uint64_t i = 0; i < 1000; ++i) {
    log.add(sent(0xffff - 500 + i));
  }
  for (std::uint64_t i = 1000 - 320; i < 1000; ++i) {
    const auto number = static_cast<std::uint16_t>(0xffff - 500 + i);
    const auto found = log.find(SequenceNumber(number));
    ASSERT_TRUE(found) << i;
    EXPECT_EQ(found->rewrite.sequence, ExtendedSequence(0xffff - 500 + i));
  }
  EXPECT_FALSE(log.find(SequenceNumber(static_cast<std::uint16_t>(0xffff - 500 + 679))));
  EXPECT_FALSE(log.find(SequenceNumber(static_cast<std::uint16_t>(0xffff - 500 + 1000))))
      << "not sent yet";
}

TEST(SentLog, a_packet_that_comes_too_late_takes_no_newer_ones_place) {
  SentLog log;
  log.add(sent(0x20000 + SentLog::kMinCapacity));
  log.add(sent(0x20000));
  EXPECT_FALSE(log.find(SequenceNumber(0)));
  EXPECT_TRUE(log.find(SequenceNumber(SentLog::kMinCapacity)));
}

TEST(SentLog, grows_no_further_than_its_limit) {
  SentLog log;
  log.reserve(100'000);
  EXPECT_EQ(log.capacity(), SentLog::kMaxCapacity);
  log.reserve(1);
  EXPECT_EQ(log.capacity(), SentLog::kMaxCapacity);
}

}  // namespace
}  // namespace meridian::forward
