#include "base/random.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include <gtest/gtest.h>

namespace meridian {
namespace {

TEST(Rng, gives_the_published_sequence_for_seed_zero) {
  // xoshiro256** over a state filled by splitmix64 from 0.
  Rng rng(0);
  EXPECT_EQ(rng.next(), 0x99ec5f36cb75f2b4U);
  EXPECT_EQ(rng.next(), 0xbf6e1f784956452aU);
}

TEST(Rng, is_the_same_for_the_same_seed_only) {
  Rng a(42);
  Rng b(42);
  Rng c(43);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t value = a.next();
    EXPECT_EQ(value, b.next());
    differs |= value != c.next();
  }
  EXPECT_TRUE(differs);
}

TEST(Rng, stays_below_the_bound_and_reaches_all_values) {
  Rng rng(1);
  std::array<int, 7> seen{};
  for (int i = 0; i < 7000; ++i) {
    const std::uint64_t value = rng.below(7);
    ASSERT_LT(value, 7U);
    ++seen[value];
  }
  for (const int count : seen) {
    EXPECT_GT(count, 800);
    EXPECT_LT(count, 1200);
  }
}

TEST(Rng, chance_follows_its_probability) {
  Rng rng(2);
  int hits = 0;
  for (int i = 0; i < 10'000; ++i) {
    hits += rng.chance(0.25) ? 1 : 0;
    EXPECT_FALSE(rng.chance(0.0));
    EXPECT_TRUE(rng.chance(1.0));
  }
  EXPECT_NEAR(hits, 2500, 200);
}

TEST(RandomSource, draws_letters_and_digits_only) {
  SeededRandomSource source(3);
  const std::string text = source.alphanumeric(10'000);
  EXPECT_EQ(text.size(), 10'000U);
  std::array<int, 256> seen{};
  for (const char c : text) {
    ASSERT_TRUE(std::isalnum(static_cast<unsigned char>(c)));
    ++seen[static_cast<unsigned char>(c)];
  }
  EXPECT_EQ(std::ranges::count_if(seen, [](int count) { return count > 0; }), 62);
  EXPECT_LT(*std::ranges::max_element(seen), 240) << "even: 161 each";
  EXPECT_TRUE(source.alphanumeric(0).empty());
}

TEST(RandomSource, fills_the_same_bytes_for_the_same_seed) {
  std::array<std::uint8_t, 33> a{};
  std::array<std::uint8_t, 33> b{};
  SeededRandomSource(9).fill(a);
  SeededRandomSource(9).fill(b);
  EXPECT_EQ(a, b);
  SeededRandomSource source(9);
  EXPECT_EQ(source.u32(), load_u32(a.data()));
}

}  // namespace
}  // namespace meridian
