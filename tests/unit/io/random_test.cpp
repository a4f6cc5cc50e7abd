#include "io/random.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace meridian::io {
namespace {

TEST(SystemRandom, fills_every_byte_and_never_twice_the_same) {
  SystemRandom random;
  std::array<std::uint8_t, 32> first{};
  std::array<std::uint8_t, 32> second{};
  random.fill(first);
  random.fill(second);
  EXPECT_NE(first, second);
  EXPECT_FALSE(std::ranges::all_of(first, [](std::uint8_t byte) { return byte == 0; }));
}

TEST(SystemRandom, never_hands_out_the_same_from_its_stock_twice) {
  SystemRandom random;
  std::set<std::array<std::uint8_t, 16>> seen;
  for (int i = 0; i < 1000; ++i) {
    std::array<std::uint8_t, 16> one{};
    random.fill(one);
    EXPECT_TRUE(seen.insert(one).second);
    std::array<std::uint8_t, 7> between{};
    random.fill(between);
  }
}

TEST(SystemRandom, threads_share_no_stock) {
  SystemRandom random;
  std::array<std::uint8_t, 16> ours{};
  std::array<std::uint8_t, 16> theirs{};
  random.fill(ours);
  std::thread([&] { random.fill(theirs); }).join();
  EXPECT_NE(ours, theirs);
}

TEST(SystemRandom, fills_more_than_it_has_in_stock) {
  SystemRandom random;
  std::vector<std::uint8_t> bytes(4 * SystemRandom::kStock);
  random.fill(bytes);
  // A run of 16 zeros anywhere would be something not filled.
  EXPECT_EQ(std::ranges::search_n(bytes, 16, 0).begin(), bytes.end());
  random.fill({});
}

}  // namespace
}  // namespace meridian::io
