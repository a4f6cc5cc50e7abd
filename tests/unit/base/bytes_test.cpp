#include "base/bytes.hpp"

#include <array>

#include <gtest/gtest.h>

namespace meridian {
namespace {

TEST(ByteReader, reads_big_endian_integers_of_each_width) {
  const std::array<std::uint8_t, 18> bytes = {1,  2,  3,  4,  5,  6,  7,  8,  9,
                                              10, 11, 12, 13, 14, 15, 16, 17, 18};
  ByteReader reader(bytes);
  EXPECT_EQ(reader.u8(), 0x01U);
  EXPECT_EQ(reader.u16(), 0x0203U);
  EXPECT_EQ(reader.u24(), 0x040506U);
  EXPECT_EQ(reader.u32(), 0x0708090aU);
  EXPECT_EQ(reader.u64(), 0x0b0c0d0e0f101112U);
  EXPECT_EQ(reader.remaining(), 0U);
  EXPECT_FALSE(reader.failed());
}

TEST(ByteReader, fails_for_good_when_it_reads_past_the_end) {
  const std::array<std::uint8_t, 3> bytes = {1, 2, 3};
  ByteReader reader(bytes);
  EXPECT_EQ(reader.u32(), 0U);
  EXPECT_TRUE(reader.failed());
  EXPECT_EQ(reader.u8(), 0U) << "what still fits is not read either";
  EXPECT_TRUE(reader.rest().empty());
  EXPECT_EQ(reader.offset(), 0U);
}

TEST(ByteReader, gives_views_and_the_rest) {
  const std::array<std::uint8_t, 5> bytes = {1, 2, 3, 4, 5};
  ByteReader reader(bytes);
  reader.skip(1);
  const Bytes two = reader.bytes(2);
  EXPECT_EQ(two.data(), bytes.data() + 1);
  EXPECT_EQ(reader.offset(), 3U);
  EXPECT_EQ(reader.rest().size(), 2U);
  EXPECT_TRUE(reader.bytes(0).empty());
  EXPECT_FALSE(reader.failed());
}

TEST(ByteReader, a_huge_count_does_not_wrap_around) {
  const std::array<std::uint8_t, 2> bytes = {1, 2};
  ByteReader reader(bytes);
  reader.skip(1);
  EXPECT_TRUE(reader.bytes(SIZE_MAX).empty());
  EXPECT_TRUE(reader.failed());
}

TEST(ByteWriter, writes_what_a_reader_reads) {
  std::array<std::uint8_t, 23> buffer{};
  ByteWriter writer(buffer);
  writer.u8(0xab);
  writer.u16(0x1234);
  writer.u24(0x00fedcba);
  writer.u32(0xdeadbeef);
  writer.u64(0x0123456789abcdef);
  writer.bytes(as_bytes("xyz"));
  writer.fill(2, 0x55);
  ASSERT_FALSE(writer.failed());
  ASSERT_EQ(writer.size(), buffer.size());
  ByteReader reader(writer.written());
  EXPECT_EQ(reader.u8(), 0xabU);
  EXPECT_EQ(reader.u16(), 0x1234U);
  EXPECT_EQ(reader.u24(), 0xfedcbaU);
  EXPECT_EQ(reader.u32(), 0xdeadbeefU);
  EXPECT_EQ(reader.u64(), 0x0123456789abcdefU);
  EXPECT_EQ(as_text(reader.bytes(3)), "xyz");
  EXPECT_EQ(reader.u16(), 0x5555U);
}

TEST(ByteWriter, writes_nothing_past_the_end) {
  std::array<std::uint8_t, 4> buffer{};
  ByteWriter writer(MutableBytes(buffer).first(3));
  writer.u16(0x0102);
  writer.u16(0x0304);
  EXPECT_TRUE(writer.failed());
  EXPECT_TRUE(writer.reserve(1).empty()) << "failure stays";
  EXPECT_EQ(writer.size(), 2U);
  EXPECT_EQ(buffer, (std::array<std::uint8_t, 4>{1, 2, 0, 0}));
}

TEST(Bytes, loads_and_stores_are_inverse) {
  std::array<std::uint8_t, 4> raw{};
  std::array<std::uint8_t, 8> eight{};
  store_u64(eight.data(), 0x0102030405060780);
  EXPECT_EQ(eight, (std::array<std::uint8_t, 8>{1, 2, 3, 4, 5, 6, 7, 0x80}));
  EXPECT_EQ(load_u64(eight.data()), 0x0102030405060780U);
  store_u32(raw.data(), 0x80ff017f);
  EXPECT_EQ(raw, (std::array<std::uint8_t, 4>{0x80, 0xff, 0x01, 0x7f}));
  EXPECT_EQ(load_u32(raw.data()), 0x80ff017fU);
  store_u16(raw.data(), 0xfe01);
  EXPECT_EQ(load_u16(raw.data()), 0xfe01U);
}

}  // namespace
}  // namespace meridian
