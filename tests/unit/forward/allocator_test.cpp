#include "forward/allocator.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace meridian::forward {
namespace {

Rung rung(std::uint8_t spatial, std::uint64_t kbps, std::uint8_t temporal = 3) {
  return {.spatial = spatial, .temporal = temporal, .rate = Bitrate(kbps * 1000)};
}

/// 150, 500 and 1700 kbit/s.
const Ladder& camera() {
  static const Ladder kLadder = [] {
    Ladder ladder;
    ladder.add(rung(0, 150));
    ladder.add(rung(1, 500));
    ladder.add(rung(2, 1700));
    return ladder;
  }();
  return kLadder;
}

constexpr Ceilings all_at(std::uint64_t kbps) {
  return {
      .kept = Bitrate(kbps * 1000), .added = Bitrate(kbps * 1000), .lowest = Bitrate(kbps * 1000)};
}

std::vector<Demand> cameras(std::size_t count) {
  std::vector<Demand> demands;
  for (std::size_t i = 0; i < count; ++i) {
    demands.push_back({.index = static_cast<std::uint16_t>(i), .ladder = &camera(), .wanted = 3});
  }
  return demands;
}

std::int8_t rung_of(const std::vector<Demand>& demands, std::uint16_t index) {
  for (const Demand& demand : demands) {
    if (demand.index == index) {
      return demand.rung;
    }
  }
  return -2;
}

TEST(Ladder, what_costs_more_and_is_no_better_is_left_out) {
  Ladder ladder;
  ladder.add(rung(0, 300));
  ladder.add(rung(1, 250));
  ladder.add(rung(2, 700));
  ASSERT_EQ(ladder.size(), 2U);
  EXPECT_EQ(ladder[0], rung(1, 250));
  EXPECT_EQ(ladder[1], rung(2, 700));
}

TEST(Allocator, knows_who_goes_first) {
  EXPECT_EQ(first_of({}), nullptr);
  std::vector<Demand> demands = cameras(3);
  EXPECT_EQ(first_of(demands)->index, 0U) << "of equal ones the first";
  demands[1].priority = 1;
  EXPECT_EQ(first_of(demands)->index, 1U);
  demands[2].is_screen_share = true;
  EXPECT_EQ(first_of(demands)->index, 2U);
  (void)allocate(demands, all_at(200));
  EXPECT_EQ(rung_of(demands, 2), 0) << "as allocate() has it";
}

TEST(Ladder, ends_where_the_client_wants_no_more) {
  Ladder ladder;
  ladder.add(rung(0, 50, 0));
  ladder.add(rung(0, 90, 1));
  ladder.add(rung(0, 150, 2));
  ladder.add(rung(1, 400, 1));
  ladder.add(rung(1, 500, 2));
  EXPECT_EQ(ladder.within(0, 7), 3U);
  EXPECT_EQ(ladder.within(1, 1), 4U);
  EXPECT_EQ(ladder.within(0, 0), 1U);
  EXPECT_EQ(ladder.within(7, 7), 5U);
}

TEST(Allocator, gives_all_when_all_fits) {
  auto demands = cameras(3);
  const Allocated result = allocate(demands, all_at(6000));
  EXPECT_EQ(result.used, Bitrate(5'100'000));
  EXPECT_EQ(result.next, Bitrate(0));
  EXPECT_EQ(result.all, Bitrate(5'100'000));
}

TEST(Allocator, everyone_gets_the_lowest_layer_before_anyone_gets_more) {
  auto demands = cameras(4);
  const Allocated result = allocate(demands, all_at(700));
  for (const Demand& demand : demands) {
    EXPECT_EQ(demand.rung, 0);
  }
  EXPECT_EQ(result.used, Bitrate(600'000));
  EXPECT_EQ(result.next, Bitrate(950'000)) << "the first of them with 500 instead of 150";
}

TEST(Allocator, whoever_does_not_fit_at_all_is_paused) {
  auto demands = cameras(3);
  const Allocated result = allocate(demands, all_at(320));
  EXPECT_EQ(rung_of(demands, 0), 0);
  EXPECT_EQ(rung_of(demands, 1), 0);
  EXPECT_EQ(rung_of(demands, 2), Demand::kPaused);
  EXPECT_EQ(result.next, Bitrate(650'000));
}

TEST(Allocator, equals_go_up_by_turns) {
  auto demands = cameras(2);
  (void)allocate(demands, all_at(1050));
  EXPECT_EQ(rung_of(demands, 0), 1);
  EXPECT_EQ(rung_of(demands, 1), 1);
}

TEST(Allocator, a_screen_share_goes_first) {
  auto demands = cameras(3);
  demands[2].is_screen_share = true;
  (void)allocate(demands, all_at(2100));
  EXPECT_EQ(rung_of(demands, 2), 2);
  EXPECT_EQ(rung_of(demands, 0), 0);
  EXPECT_EQ(rung_of(demands, 1), 0);
  (void)allocate(demands, all_at(200));
  EXPECT_EQ(rung_of(demands, 2), 0);
  EXPECT_EQ(rung_of(demands, 0), Demand::kPaused);
}

TEST(Allocator, priority_goes_before_turns_and_size_before_order) {
  auto demands = cameras(3);
  demands[1].priority = 5;
  (void)allocate(demands, all_at(2100));
  EXPECT_EQ(rung_of(demands, 1), 2);
  EXPECT_EQ(rung_of(demands, 0), 0);

  auto sizes = cameras(2);
  sizes[0].wanted = 1;
  (void)allocate(sizes, all_at(200));
  EXPECT_EQ(rung_of(sizes, 1), 0) << "who is shown large is seen at least small";
  EXPECT_EQ(rung_of(sizes, 0), Demand::kPaused);
}

TEST(Allocator, nobody_gets_more_than_was_asked_for) {
  auto demands = cameras(2);
  demands[0].wanted = 1;
  demands[1].wanted = 2;
  const Allocated result = allocate(demands, all_at(10'000));
  EXPECT_EQ(rung_of(demands, 0), 0);
  EXPECT_EQ(rung_of(demands, 1), 1);
  EXPECT_EQ(result.next, Bitrate(0));
  EXPECT_EQ(result.all, Bitrate(650'000));
}

TEST(Allocator, keeps_what_the_higher_ceiling_allows_and_adds_below_the_lower_one) {
  const Ceilings ceilings{
      .kept = Bitrate(1'100'000), .added = Bitrate(900'000), .lowest = Bitrate(900'000)};
  auto demands = cameras(2);
  demands[0].kept = 1;
  demands[1].kept = 1;
  (void)allocate(demands, ceilings);
  EXPECT_EQ(rung_of(demands, 0), 1);
  EXPECT_EQ(rung_of(demands, 1), 1);

  auto fresh = cameras(2);
  (void)allocate(fresh, ceilings);
  EXPECT_EQ(rung_of(fresh, 0), 1);
  EXPECT_EQ(rung_of(fresh, 1), 0);
}

TEST(Allocator, a_newcomer_takes_from_the_upper_layers_of_others) {
  auto demands = cameras(2);
  demands[0].kept = 1;
  (void)allocate(demands, all_at(560));
  EXPECT_EQ(rung_of(demands, 0), 0);
  EXPECT_EQ(rung_of(demands, 1), 0);
}

}  // namespace
}  // namespace meridian::forward
