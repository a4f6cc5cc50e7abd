#include "node/change_book.hpp"

#include <gtest/gtest.h>

namespace meridian::node {
namespace {

const AccountId kAcme{"acme"};
const RegionId kLondon{"uk-london"};

class ChangeBookTest : public testing::Test {
 protected:
  void open(std::uint64_t epoch) {
    api::ChangeOutcome outcome;
    outcome.account = kAcme;
    outcome.epoch = PolicyEpoch(epoch);
    book_.open(std::move(outcome));
  }
  void revoke(std::uint64_t epoch, std::uint64_t generation, std::size_t workers) {
    std::vector<WorkerPlacement> awaited;
    for (std::size_t i = 0; i < workers; ++i) {
      awaited.push_back({WorkerIndex(static_cast<std::uint16_t>(i)), kLondon, {}});
    }
    book_.revoke(kAcme, PolicyEpoch(epoch), generation, std::move(awaited), now_);
  }
  bool is_finished(std::uint64_t epoch) const {
    return book_.find(kAcme, PolicyEpoch(epoch))->is_finished;
  }

  ChangeBook book_;
  Now now_{Instant::from_origin(100s), UnixTime::from_seconds(1'700'000'000)};
};

TEST_F(ChangeBookTest, waits_for_every_worker_at_that_generation_or_a_newer_one) {
  open(2);
  EXPECT_EQ(book_.unrevoked(kAcme), std::vector{PolicyEpoch(2)});
  book_.handle(WorkerIndex(0), {.generation = 9}, now_);  // before anything was revoked
  revoke(2, 5, 2);
  EXPECT_TRUE(book_.unrevoked(kAcme).empty());
  book_.handle(WorkerIndex(0), {.generation = 4}, now_);
  book_.handle(WorkerIndex(1), {.generation = 6}, now_);
  EXPECT_FALSE(is_finished(2));
  book_.handle(WorkerIndex(0), {.generation = 5}, now_);
  EXPECT_TRUE(is_finished(2));
  EXPECT_EQ(book_.take_finished().size(), 1U);
  EXPECT_TRUE(book_.take_finished().empty());
  EXPECT_TRUE(book_.next_timeout().is_never());
}

TEST_F(ChangeBookTest, names_each_region_of_silent_workers_once) {
  open(2);
  revoke(2, 5, 3);
  book_.handle(WorkerIndex(1), {.generation = 5}, now_);
  EXPECT_EQ(book_.next_timeout(), now_.monotonic + residency::Lease::kTerm);
  now_.monotonic = book_.next_timeout();
  book_.handle_timeout(now_);
  EXPECT_TRUE(is_finished(2));
  EXPECT_EQ(book_.find(kAcme, PolicyEpoch(2))->covered_by_lease, std::vector{kLondon});
}

TEST_F(ChangeBookTest, forgets_the_oldest_that_were_told) {
  for (std::uint64_t epoch = 2; epoch < ChangeBook::kMaxKept + 2; ++epoch) {
    open(epoch);
    revoke(epoch, epoch, 0);
  }
  open(ChangeBook::kMaxKept + 2);
  EXPECT_NE(book_.find(kAcme, PolicyEpoch(2)), nullptr);  // nobody has read it yet
  (void)book_.take_finished();
  open(ChangeBook::kMaxKept + 3);
  EXPECT_EQ(book_.find(kAcme, PolicyEpoch(2)), nullptr);
  EXPECT_NE(book_.find(kAcme, PolicyEpoch(3)), nullptr);
}

}  // namespace
}  // namespace meridian::node
