#include "base/rtp_types.hpp"

#include <gtest/gtest.h>

namespace meridian {
namespace {

TEST(SequenceNumber, compares_across_the_wrap) {
  const SequenceNumber last(65535);
  EXPECT_EQ(last.next(), SequenceNumber(0));
  EXPECT_TRUE(last.next().is_newer_than(last));
  EXPECT_FALSE(last.is_newer_than(last.next()));
  EXPECT_FALSE(last.is_newer_than(last));
  EXPECT_EQ(SequenceNumber(3).distance_from(SequenceNumber(65533)), 6);
  EXPECT_EQ(SequenceNumber(65533).distance_from(SequenceNumber(3)), -6);
  EXPECT_EQ(SequenceNumber(0).plus(-1), last);
}

TEST(SequenceNumber, distance_covers_the_whole_signed_range) {
  for (int distance = -32768; distance <= 32767; ++distance) {
    EXPECT_EQ(SequenceNumber(1000).plus(distance).distance_from(SequenceNumber(1000)), distance);
  }
}

TEST(Extend, picks_the_nearest_number) {
  const ExtendedSequence reference(3 * 65536 + 10);
  EXPECT_EQ(extend(SequenceNumber(10), reference), reference);
  EXPECT_EQ(extend(SequenceNumber(65530), reference), ExtendedSequence(3 * 65536 - 6));
  EXPECT_EQ(extend(SequenceNumber(20), reference), ExtendedSequence(3 * 65536 + 20));
  EXPECT_EQ(extend(SequenceNumber(5), ExtendedSequence(3 * 65536 - 1)),
            ExtendedSequence(3 * 65536 + 5));
}

TEST(Extend, never_goes_below_zero) {
  EXPECT_EQ(extend(SequenceNumber(65535), ExtendedSequence(0)), ExtendedSequence(65535));
}

TEST(Extend, keeps_the_low_bits_for_every_input) {
  for (std::uint64_t reference = 0; reference < 400'000; reference += 997) {
    for (unsigned low = 0; low < 65536; low += 251) {
      const auto extended =
          extend(SequenceNumber(static_cast<std::uint16_t>(low)), ExtendedSequence(reference));
      ASSERT_EQ(extended.value() & 0xffffU, low);
    }
  }
}

}  // namespace
}  // namespace meridian
