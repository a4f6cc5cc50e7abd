#include "forward/history.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "unit/forward/samples.hpp"

namespace meridian::forward {
namespace {

using test::at;
using test::media;

std::vector<std::uint8_t> bytes_of(Bytes bytes) {
  return {bytes.begin(), bytes.end()};
}

TEST(History, gives_back_a_copy_of_what_was_stored) {
  History history({.packets = 8, .bytes = 4096});
  std::vector<std::uint8_t> payload = {1, 2, 3};
  std::vector<std::uint8_t> descriptor = {9, 8};
  MediaPacket packet = media(65'600, 90'000, at(1s));
  packet.payload = payload;
  packet.descriptor = descriptor;
  ASSERT_TRUE(history.store(packet));
  payload.assign(3, 0);

  const MediaPacket* found = history.find(1, ExtendedSequence(65'600));
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(bytes_of(found->payload), (std::vector<std::uint8_t>{1, 2, 3}));
  EXPECT_EQ(bytes_of(found->descriptor), (std::vector<std::uint8_t>{9, 8}));
  EXPECT_EQ(found->timestamp, RtpTimestamp(90'000));
}

TEST(History, finds_only_what_is_asked_for) {
  History history({.packets = 8, .bytes = 4096});
  ASSERT_TRUE(history.store(media(65'600, 0, at(1s))));
  EXPECT_EQ(history.find(1, ExtendedSequence(65'601)), nullptr);
  EXPECT_EQ(history.find(1, ExtendedSequence(65'608)), nullptr);  // the same place
  EXPECT_EQ(history.find(2, ExtendedSequence(65'600)), nullptr);
  history.clear();
  EXPECT_EQ(history.find(1, ExtendedSequence(65'600)), nullptr);
}

TEST(History, finds_by_the_low_bits_of_a_sent_log) {
  History history({.packets = 8, .bytes = 4096});
  MediaPacket packet = media((1ULL << 32U) + 5, 0, at(1s));
  packet.generation = 0x103;
  ASSERT_TRUE(history.store(packet));
  EXPECT_NE(history.find_sent(3, 5), nullptr);
  EXPECT_EQ(history.find_sent(4, 5), nullptr);
  EXPECT_EQ(history.find_sent(3, 6), nullptr);
}

TEST(History, a_late_packet_does_not_replace_a_newer_one) {
  History history({.packets = 8, .bytes = 4096});
  ASSERT_TRUE(history.store(media(65'608, 0, at(1s))));
  EXPECT_FALSE(history.store(media(65'600, 0, at(1s))));
  EXPECT_NE(history.find(1, ExtendedSequence(65'608)), nullptr);
}

TEST(History, a_new_generation_replaces_the_old) {
  History history({.packets = 8, .bytes = 4096});
  ASSERT_TRUE(history.store(media(70'000, 0, at(1s))));
  MediaPacket next = media(65'600, 0, at(2s));
  next.generation = 2;
  EXPECT_TRUE(history.store(next));
}

TEST(History, refuses_what_would_take_most_of_the_memory) {
  History history({.packets = 8, .bytes = 4096});
  std::vector<std::uint8_t> payload(1025);
  MediaPacket packet = media(65'600, 0, at(1s));
  packet.payload = payload;
  EXPECT_FALSE(history.store(packet));
}

// The memory is a ring: whatever is found is whole, what is overwritten is not found.
TEST(History, never_hands_out_what_was_overwritten) {
  History history({.packets = 64, .bytes = 4096});
  std::vector<std::uint8_t> payload;
  std::size_t found_count = 0;
  for (std::uint64_t i = 0; i < 500; ++i) {
    payload.assign(100 + (i * 37) % 400, static_cast<std::uint8_t>(i));
    MediaPacket packet = media(65'536 + i, 0, at(1s));
    packet.payload = payload;
    ASSERT_TRUE(history.store(packet));
    for (std::uint64_t k = i >= 64 ? i - 64 : 0; k <= i; ++k) {
      const MediaPacket* found = history.find(1, ExtendedSequence(65'536 + k));
      if (found == nullptr) {
        ASSERT_LT(k, i);
        continue;
      }
      ++found_count;
      ASSERT_EQ(found->payload.size(), 100 + (k * 37) % 400);
      for (const std::uint8_t byte : found->payload) {
        ASSERT_EQ(byte, static_cast<std::uint8_t>(k));
      }
    }
  }
  EXPECT_GT(found_count, 500U * 5);
}

}  // namespace
}  // namespace meridian::forward
