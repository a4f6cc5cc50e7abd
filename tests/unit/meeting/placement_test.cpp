#include "meeting/placement.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

namespace meridian::meeting {
namespace {

using forward::LoadLevel;

constexpr std::size_t kPeople = 4;

Place place(std::uint16_t worker, std::size_t of_room = 0, std::size_t participants = 0) {
  return {.worker = WorkerIndex(worker),
          .level = LoadLevel::kNormal,
          .share = 0,
          .participants = participants + of_room,
          .of_room = of_room};
}

std::optional<std::uint16_t> chosen(const std::vector<Place>& places) {
  const Place* found = choose_place(places, kPeople);
  return found == nullptr ? std::nullopt : std::optional(found->worker.value());
}

/// How many of a room are on each worker when so many joined one after the other.
std::vector<std::size_t> spread(std::size_t people, std::size_t workers) {
  std::vector<Place> places;
  for (std::size_t i = 0; i < workers; ++i) {
    places.push_back(place(static_cast<std::uint16_t>(i)));
  }
  for (std::size_t i = 0; i < people; ++i) {
    const auto worker = choose_place(places, kPeople)->worker.value();
    ++places[worker].of_room;
    ++places[worker].participants;
  }
  std::vector<std::size_t> counts;
  for (const Place& one : places) {
    counts.push_back(one.of_room);
  }
  return counts;
}

using Counts = std::vector<std::size_t>;

TEST(Placement, where_there_is_no_worker_there_is_no_place) {
  EXPECT_EQ(chosen({}), std::nullopt);
}

TEST(Placement, a_room_begins_where_least_is_done) {
  EXPECT_EQ(chosen({place(0, 0, 3), place(1, 0, 2), place(2, 0, 2)}), 1);
}

TEST(Placement, what_is_measured_counts_before_people) {
  Place crowded = place(0, 0, 30);
  Place loaded = place(1, 0, 2);
  crowded.share = 0.1F;
  loaded.share = 0.45F;
  EXPECT_EQ(chosen({crowded, loaded}), 0) << "thirty who listen are less than two who show much";
  loaded.share = 0.19F;
  EXPECT_EQ(chosen({crowded, loaded}), 1) << "that is as good as equal";
}

TEST(Placement, a_small_room_stays_together) {
  EXPECT_EQ(chosen({place(0), place(1, 1, 20)}), 1) << "whoever has fewer people";
  EXPECT_EQ(spread(kPeople, 3), (Counts{kPeople, 0, 0}));
}

TEST(Placement, a_large_room_goes_on_to_the_next_worker_and_fills_evenly) {
  EXPECT_EQ(spread(kPeople + 1, 3), (Counts{kPeople, 1, 0}));
  EXPECT_EQ(spread(2 * kPeople + 1, 3), (Counts{kPeople, kPeople, 1}));
  EXPECT_EQ(spread(3 * kPeople, 3), (Counts{kPeople, kPeople, kPeople}));
  EXPECT_EQ(spread(30, 3), (Counts{10, 10, 10}));
  EXPECT_EQ(spread(31, 3), (Counts{11, 10, 10}));
}

TEST(Placement, who_comes_after_others_left_fills_the_gap) {
  EXPECT_EQ(chosen({place(0, 3), place(1, 1), place(2, 0)}), 1);
  EXPECT_EQ(chosen({place(0, 9), place(1, 3), place(2, 0)}), 1);
}

TEST(Placement, the_next_worker_of_a_room_is_the_one_with_the_least_to_do) {
  EXPECT_EQ(chosen({place(0, kPeople), place(1, 0, 9), place(2, 0, 8)}), 2);
}

TEST(Placement, nobody_comes_to_a_worker_that_sheds_load_while_others_do_not) {
  Place home = place(0, 1);
  home.level = LoadLevel::kBusy;
  EXPECT_EQ(chosen({home, place(1, 0, 50)}), 1) << "a relay costs less than a late packet";
  Place full = place(1);
  full.level = LoadLevel::kFull;
  EXPECT_EQ(chosen({home, full}), 0);
}

}  // namespace
}  // namespace meridian::meeting
