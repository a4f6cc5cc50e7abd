#include "io/random.hpp"

#include <algorithm>
#include <array>

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

}  // namespace
}  // namespace meridian::io
