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

TEST(WorkerPool, gives_the_least_loaded_worker_of_the_region) {
  WorkerPool pool = three_workers();
  EXPECT_EQ(pool.least_loaded(kLondon)->index, WorkerIndex(0));
  pool.add_participant(WorkerIndex(0));
  EXPECT_EQ(pool.least_loaded(kLondon)->index, WorkerIndex(2));
  pool.remove_participant(WorkerIndex(0));
  EXPECT_EQ(pool.least_loaded(kLondon)->index, WorkerIndex(0));
  EXPECT_EQ(pool.least_loaded(kParis)->index, WorkerIndex(1));
}

TEST(WorkerPool, gives_a_worker_that_is_less_busy_whoever_has_fewer_participants) {
  using forward::LoadLevel;
  WorkerPool pool = three_workers();
  pool.add_participant(WorkerIndex(2));
  pool.set_load(WorkerIndex(0), LoadLevel::kBusy);
  EXPECT_EQ(pool.least_loaded(kLondon)->index, WorkerIndex(2));
  EXPECT_EQ(pool.load(kLondon), LoadLevel::kNormal);
  pool.set_load(WorkerIndex(2), LoadLevel::kFull);
  EXPECT_EQ(pool.least_loaded(kLondon)->index, WorkerIndex(0));
  EXPECT_EQ(pool.load(kLondon), LoadLevel::kBusy);
  EXPECT_EQ(pool.load(), LoadLevel::kNormal) << "of Paris";
  EXPECT_EQ(pool.load(RegionId("us-oregon")), LoadLevel::kFull);
}

TEST(WorkerPool, never_gives_a_worker_of_another_region) {
  EXPECT_EQ(three_workers().least_loaded(RegionId("us-oregon")), nullptr);
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
