#include "rtp/bits.hpp"

#include <array>
#include <string>

#include <gtest/gtest.h>

namespace meridian::rtp {
namespace {

TEST(BitReader, reads_high_bits_first_across_bytes) {
  const std::array<std::uint8_t, 3> bytes = {0b1010'0110, 0b0101'1111, 0b1000'0001};
  BitReader bits(bytes);
  EXPECT_TRUE(bits.flag());
  EXPECT_EQ(bits.read(3), 0b010U);
  EXPECT_EQ(bits.read(8), 0b0110'0101U);
  EXPECT_EQ(bits.read(0), 0U);
  EXPECT_EQ(bits.read(12), 0b1111'1000'0001U);
  EXPECT_FALSE(bits.failed());
  EXPECT_EQ(bits.read(1), 0U);
  EXPECT_TRUE(bits.failed());
}

TEST(BitReader, a_failure_stays_although_less_would_fit) {
  const std::array<std::uint8_t, 1> bytes = {0xff};
  BitReader bits(bytes);
  EXPECT_EQ(bits.read(9), 0U);
  EXPECT_EQ(bits.read(1), 0U);
  EXPECT_TRUE(bits.failed());
}

TEST(BitReader, reads_the_non_symmetric_table_of_the_specification) {
  // ns(5): 00, 01, 10, 110, 111
  const std::array<std::uint8_t, 2> bytes = {0b0001'1011, 0b0111'0000};
  BitReader bits(bytes);
  for (std::uint32_t value = 0; value < 5; ++value) {
    EXPECT_EQ(bits.non_symmetric(5), value);
  }
}

TEST(BitWriter, what_it_writes_is_read_again) {
  for (std::uint32_t bound = 1; bound <= 70; ++bound) {
    for (std::uint32_t value = 0; value < bound; ++value) {
      std::array<std::uint8_t, 8> buffer{};
      BitWriter writer(buffer);
      writer.write(0b101, 3);
      writer.non_symmetric(value, bound);
      writer.write(0xdeadbeef, 32);
      ASSERT_FALSE(writer.failed());
      BitReader reader(buffer);
      EXPECT_EQ(reader.read(3), 0b101U);
      EXPECT_EQ(reader.non_symmetric(bound), value);
      EXPECT_EQ(reader.read(32), 0xdeadbeefU);
    }
  }
}

TEST(BitWriter, clears_what_was_in_the_buffer_and_stops_at_its_end) {
  std::array<std::uint8_t, 2> buffer = {0xff, 0xff};
  BitWriter writer(buffer);
  writer.write(0, 5);
  EXPECT_EQ(writer.size(), 1U);
  EXPECT_EQ(buffer[0], 0U);
  writer.write(1, 5);
  EXPECT_EQ(buffer[1], 0x40U);
  writer.write(0, 7);
  EXPECT_TRUE(writer.failed());
  EXPECT_EQ(writer.size(), 2U);
  writer.flag(true);
  EXPECT_EQ(buffer[1], 0x40U);
}

}  // namespace
}  // namespace meridian::rtp
