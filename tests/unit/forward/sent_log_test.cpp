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
  EXPECT_FALSE(log.find(SequenceNumber(5 + SentLog::kCapacity)));
  log.add(sent(0x20005 + SentLog::kCapacity));
  EXPECT_FALSE(log.find(SequenceNumber(5)));
}

}  // namespace
}  // namespace meridian::forward
