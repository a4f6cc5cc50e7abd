#include <gtest/gtest.h>

#include "unit/node/control_fixture.hpp"

namespace meridian::node {
namespace {

/// London has three workers, of which each takes two people of a room before the next one does.
class ControlPlacementTest : public ControlTest {
 protected:
  ControlPlacementTest() {
    config::Config config = two_regions();
    config.pools[0].participants = 100;
    config.pools[0].workers = 3;
    config.pools[0].people_per_worker = 2;
    config.limits.participants_per_room = 100;
    config.limits.rooms = 100;
    const auto at = [](std::uint16_t index, const RegionId& region) {
      return WorkerPlacement{.index = WorkerIndex(index),
                             .region = region,
                             .advertised = {address("192.0.2.1:" + std::to_string(7900 + index))}};
    };
    start(std::move(config), {at(0, kLondon), at(1, kVirginia), at(2, kLondon), at(3, kLondon)});
    drain();
  }

  /// The worker that somebody new comes to; what the answer says of it must fit.
  std::uint16_t worker_of(const Who& who) {
    const SignalSessionId session = join(who);
    const std::uint16_t worker = commands<forward::OpenTransport>().back().first.value();
    EXPECT_TRUE(last(session, Response::kAnswer)
                    ->answer()
                    .sdp()
                    .contains(" 192.0.2.1 " + std::to_string(7900 + worker) + " "));
    return worker;
  }
  std::vector<std::size_t> people() const {
    std::vector<std::size_t> counts;
    for (const auto& worker : control_->counters().worker_people) {
      counts.push_back(worker.count);
    }
    return counts;
  }
  std::uint64_t spread(const RegionId& region) const {
    for (const auto& [id, count] : control_->counters().rooms_spread) {
      if (id == region) {
        return count;
      }
    }
    return 99;
  }
};

TEST_F(ControlPlacementTest, a_small_room_is_on_one_worker_and_a_large_one_goes_on) {
  EXPECT_EQ(worker_of({.identity = "p0"}), 0U);
  EXPECT_EQ(worker_of({.identity = "p1"}), 0U);
  EXPECT_EQ(spread(kLondon), 0U);
  EXPECT_EQ(worker_of({.identity = "p2"}), 2U);
  EXPECT_EQ(spread(kLondon), 1U);
  EXPECT_EQ(worker_of({.identity = "p3"}), 2U);
  EXPECT_EQ(worker_of({.identity = "p4"}), 3U);
  EXPECT_EQ(worker_of({.identity = "p5", .at = kVirginia}), 1U);
  EXPECT_EQ(worker_of({.identity = "p6"}), 3U);
  EXPECT_EQ(worker_of({.identity = "p7"}), 0U) << "evenly from here on";
  EXPECT_EQ(people(), (std::vector<std::size_t>{3, 1, 2, 2}));
  EXPECT_EQ(spread(kLondon), 1U);
  EXPECT_EQ(spread(kVirginia), 0U) << "another region is no choice";
}

TEST_F(ControlPlacementTest, another_room_begins_where_nobody_is) {
  EXPECT_EQ(worker_of({.room = "first", .identity = "a"}), 0U);
  EXPECT_EQ(worker_of({.room = "second", .identity = "b"}), 2U);
  EXPECT_EQ(worker_of({.room = "first", .identity = "c"}), 0U);
  EXPECT_EQ(worker_of({.room = "third", .identity = "d"}), 3U);
}

TEST_F(ControlPlacementTest, a_new_room_goes_where_least_is_computed) {
  EXPECT_EQ(worker_of({.room = "first", .identity = "a"}), 0U);
  EXPECT_EQ(worker_of({.room = "second", .identity = "b"}), 2U);
  EXPECT_EQ(worker_of({.room = "third", .identity = "c"}), 3U);
  control_->handle_event(WorkerIndex(0), forward::WorkerLoad{.share = 0.5F}, now_);
  control_->handle_event(WorkerIndex(2), forward::WorkerLoad{.share = 0.2F}, now_);
  control_->handle_event(WorkerIndex(3), forward::WorkerLoad{.share = 0.4F}, now_);
  EXPECT_EQ(worker_of({.room = "fourth", .identity = "d"}), 2U);
}

TEST_F(ControlPlacementTest, who_comes_again_under_the_same_name_takes_no_second_place) {
  EXPECT_EQ(worker_of({.identity = "p0"}), 0U);
  EXPECT_EQ(worker_of({.identity = "p1"}), 0U);
  EXPECT_EQ(worker_of({.identity = "p1"}), 0U);
  EXPECT_EQ(people(), (std::vector<std::size_t>{2, 0, 0, 0}));
}

TEST_F(ControlPlacementTest, a_busy_worker_sends_a_small_room_on) {
  EXPECT_EQ(worker_of({.identity = "p0"}), 0U);
  control_->handle_event(
      WorkerIndex(0), forward::WorkerLoad{.level = forward::LoadLevel::kBusy, .share = 0.9F}, now_);
  EXPECT_EQ(worker_of({.identity = "p1"}), 2U);
}

}  // namespace
}  // namespace meridian::node
