#include "srtp/replay_window.hpp"

#include <set>

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace meridian::srtp {
namespace {

TEST(ReplayWindow, takes_each_index_once) {
  ReplayWindow<128> window;
  EXPECT_TRUE(window.is_empty());
  EXPECT_TRUE(window.is_new(1000));
  window.add(1000);
  EXPECT_FALSE(window.is_new(1000));
  EXPECT_TRUE(window.is_new(1001));
  EXPECT_TRUE(window.is_new(999));
  window.add(999);
  EXPECT_FALSE(window.is_new(999));
  EXPECT_EQ(window.highest(), 1000U);
}

TEST(ReplayWindow, refuses_what_is_too_old_to_tell) {
  ReplayWindow<128> window;
  window.add(1000);
  EXPECT_TRUE(window.is_new(1000 - 127));
  EXPECT_FALSE(window.is_new(1000 - 128));
}

TEST(ReplayWindow, behaves_like_a_set_of_everything_seen) {
  Rng rng(7);
  ReplayWindow<1024> window;
  std::set<std::uint64_t> seen;
  std::uint64_t position = 5000;
  for (int i = 0; i < 200'000; ++i) {
    position += rng.chance(0.001) ? rng.below(3000) : rng.below(3);
    const std::uint64_t index = position - rng.below(1500);
    const std::uint64_t highest = seen.empty() ? 0 : *seen.rbegin();
    const bool is_old = !seen.empty() && index + 1024 <= highest;
    const bool expected = !is_old && !seen.contains(index);
    ASSERT_EQ(window.is_new(index), expected) << index << " of " << highest;
    if (expected) {
      window.add(index);
      seen.insert(index);
    }
  }
}

}  // namespace
}  // namespace meridian::srtp
