#include "forward/continuous_map.hpp"

#include <map>
#include <set>

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace meridian::forward {
namespace {

TEST(ContinuousMap, starts_where_it_is_told) {
  ContinuousMap map;
  map.restart(70'000, 500);
  EXPECT_EQ(map.highest_target(), 499U);
  EXPECT_EQ(map.map(70'000), 500U);
  EXPECT_EQ(map.map(70'003), 503U);
  EXPECT_EQ(map.highest_target(), 503U);
  EXPECT_EQ(map.map(69'999), std::nullopt);
}

TEST(ContinuousMap, closes_up_what_is_dropped) {
  ContinuousMap map;
  map.restart(100, 10);
  EXPECT_EQ(map.map(100), 10U);
  EXPECT_TRUE(map.drop(101));
  EXPECT_TRUE(map.drop(102));
  EXPECT_EQ(map.map(103), 11U);
  EXPECT_EQ(map.map(101), std::nullopt);
  EXPECT_EQ(map.map(102), std::nullopt);
}

TEST(ContinuousMap, keeps_the_place_of_what_is_missing) {
  ContinuousMap map;
  map.restart(100, 10);
  EXPECT_EQ(map.map(100), 10U);
  EXPECT_TRUE(map.drop(102));  // 101 is on its way
  EXPECT_EQ(map.map(103), 12U);
  EXPECT_EQ(map.map(101), 11U);
}

TEST(ContinuousMap, cannot_close_up_what_was_promised) {
  ContinuousMap map;
  map.restart(100, 10);
  EXPECT_EQ(map.map(102), 12U);
  EXPECT_FALSE(map.drop(101));
  EXPECT_EQ(map.map(103), 13U);
}

TEST(ContinuousMap, forgets_ranges_that_are_too_old) {
  ContinuousMap map;
  map.restart(1000, 0);
  for (std::uint64_t i = 0; i < 2 * ContinuousMap::kMaxRanges; ++i) {
    EXPECT_TRUE(map.map(1000 + 2 * i));
    EXPECT_TRUE(map.drop(1001 + 2 * i));
  }
  EXPECT_EQ(map.map(1000), std::nullopt);
  EXPECT_EQ(map.map(1000 + 4 * ContinuousMap::kMaxRanges), 2 * ContinuousMap::kMaxRanges);
}

// Whatever comes, is lost, late or dropped: no two sources share a target, and the order is kept.
TEST(ContinuousMap, never_gives_one_target_twice) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Rng rng(seed);
    ContinuousMap map;
    std::uint64_t source = 65'536 + rng.below(65'536);
    map.restart(source, 1000);
    std::map<std::uint64_t, std::uint64_t> targets;
    std::set<std::uint64_t> done;
    for (int step = 0; step < 2000; ++step) {
      std::uint64_t value = source + rng.below(4);
      if (rng.chance(0.2) && source > 65'600) {
        value -= rng.below(40);
      }
      source = std::max(source, value + 1);
      if (!done.insert(value).second) {
        continue;
      }
      if (rng.chance(0.3)) {
        map.drop(value);
      } else if (const auto target = map.map(value)) {
        targets[value] = *target;
      }
      if (rng.chance(0.002)) {
        source += 1000;
        map.restart(source, map.highest_target() + 1);
      }
    }
    std::uint64_t last = 0;
    for (const auto& [from, to] : targets) {
      ASSERT_GT(to, last) << "seed " << seed << " source " << from;
      last = to;
    }
  }
}

}  // namespace
}  // namespace meridian::forward
