#include "meeting/workers.hpp"

#include <gtest/gtest.h>

namespace meridian::meeting {
namespace {

const RegionId kLondon("uk-london");
const RegionId kParis("eu-paris");

WorkerPool three_workers() {
  return WorkerPool({{WorkerIndex(0), kLondon, {}, 0},
                     {WorkerIndex(1), kParis, {}, 0},
                     {WorkerIndex(2), kLondon, {}, 0}});
}

const PeopleByWorker kNobody;

TEST(WorkerPool, chooses_the_least_loaded_worker_of_the_region) {
  WorkerPool pool = three_workers();
  EXPECT_EQ(pool.choose(kLondon, kNobody)->index, WorkerIndex(0));
  pool.add_participant(WorkerIndex(0));
  EXPECT_EQ(pool.choose(kLondon, kNobody)->index, WorkerIndex(2));
  pool.remove_participant(WorkerIndex(0));
  EXPECT_EQ(pool.choose(kLondon, kNobody)->index, WorkerIndex(0));
  EXPECT_EQ(pool.choose(kParis, kNobody)->index, WorkerIndex(1));
}

TEST(WorkerPool, chooses_a_worker_that_is_less_busy_whoever_has_fewer_participants) {
  using forward::LoadLevel;
  WorkerPool pool = three_workers();
  pool.add_participant(WorkerIndex(2));
  pool.set_load(WorkerIndex(0), {.level = LoadLevel::kBusy});
  EXPECT_EQ(pool.choose(kLondon, kNobody)->index, WorkerIndex(2));
  EXPECT_EQ(pool.load(kLondon), LoadLevel::kNormal);
  pool.set_load(WorkerIndex(2), {.level = LoadLevel::kFull});
  EXPECT_EQ(pool.choose(kLondon, kNobody)->index, WorkerIndex(0));
  EXPECT_EQ(pool.load(kLondon), LoadLevel::kBusy);
  EXPECT_EQ(pool.load(), LoadLevel::kNormal) << "of Paris";
  EXPECT_EQ(pool.load(RegionId("us-oregon")), LoadLevel::kFull);
}

TEST(WorkerPool, a_room_stays_on_its_worker_while_that_takes_people_of_it) {
  WorkerPool pool(
      {{.index = WorkerIndex(0), .region = kLondon, .advertised = {}, .people_per_worker = 2},
       {.index = WorkerIndex(1), .region = kLondon, .advertised = {}, .people_per_worker = 2}});
  pool.add_participant(WorkerIndex(0));
  EXPECT_EQ(pool.choose(kLondon, {{WorkerIndex(0), 1}})->index, WorkerIndex(0));
  EXPECT_EQ(pool.choose(kLondon, {{WorkerIndex(0), 2}})->index, WorkerIndex(1));
}

TEST(WorkerPool, what_an_empty_worker_told_last_is_old) {
  WorkerPool pool = three_workers();
  pool.add_participant(WorkerIndex(0));
  pool.set_load(WorkerIndex(0), {.share = 0.2F});
  pool.set_load(WorkerIndex(2), {.share = 0.6F});
  EXPECT_EQ(pool.choose(kLondon, kNobody)->index, WorkerIndex(2));
  pool.add_participant(WorkerIndex(2));
  EXPECT_EQ(pool.choose(kLondon, kNobody)->index, WorkerIndex(0));
}

TEST(WorkerPool, never_chooses_a_worker_of_another_region) {
  EXPECT_EQ(three_workers().choose(RegionId("us-oregon"), kNobody), nullptr);
  EXPECT_FALSE(three_workers().has_worker(RegionId("us-oregon")));
  EXPECT_TRUE(three_workers().has_worker(kParis));
}

TEST(WorkerPool, counts_participants_of_a_region) {
  WorkerPool pool = three_workers();
  pool.add_participant(WorkerIndex(0));
  pool.add_participant(WorkerIndex(2));
  pool.add_participant(WorkerIndex(1));
  EXPECT_EQ(pool.participants(kLondon), 2U);
  EXPECT_EQ(pool.find(WorkerIndex(1))->participants, 1U);
  EXPECT_EQ(pool.find(WorkerIndex(9)), nullptr);
}

}  // namespace
}  // namespace meridian::meeting
