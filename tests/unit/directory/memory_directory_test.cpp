#include "directory/memory_directory.hpp"

#include <gtest/gtest.h>

#include "residency/gate.hpp"

namespace meridian::directory {
namespace {

using Liveness = residency::PoolState::Liveness;

const RegionId kLondon("uk-london");
const RegionId kVirginia("us-east");
const AccountId kDev("dev");
const AccountId kUk("uk-only");

residency::AccountPolicy policy_of(const AccountId& account, residency::RegionSet opted_in) {
  return residency::AccountPolicy({.account = account,
                                   .default_region = kLondon,
                                   .opted_in = std::move(opted_in),
                                   .signalling_scope = residency::SignallingScope::kPermittedOnly},
                                  PolicyEpoch(1));
}

class MemoryDirectoryTest : public testing::Test {
 protected:
  PolicyResult<PolicyEpoch> change(const AccountId& account, residency::RegionSet opted_in,
                                   PolicyEpoch expected) {
    residency::AccountPolicy::Terms terms;
    if (const Account* present = directory_.find_account(account)) {
      terms = present->policy.terms();
    }
    terms.account = account;
    terms.opted_in = std::move(opted_in);
    return directory_.change_policy(std::move(terms), expected, {"ann", "test"},
                                    UnixTime::from_seconds(7));
  }

  MemoryDirectory directory_{Contents{
      .regions = {{kLondon, "London", {}, {}, "ws://uk"},
                  {kVirginia, "Virginia", {}, {}, "ws://us"}},
      .accounts = {{"Development", policy_of(kDev, {kVirginia})}, {"UK", policy_of(kUk, {})}},
      .keys = {{"devkey", "secret", kDev}, {"ukkey", "uksecret", kUk}, {"uk2", "s2", kUk}},
      .pools = {{kLondon, Liveness::kLive, 10}, {kVirginia, Liveness::kLive, 20}}}};
};

TEST_F(MemoryDirectoryTest, finds_keys_accounts_and_regions) {
  ASSERT_NE(directory_.find_key("ukkey"), nullptr);
  EXPECT_EQ(directory_.find_key("ukkey")->account, kUk);
  EXPECT_EQ(directory_.find_key("nokey"), nullptr);
  EXPECT_EQ(directory_.find_key(""), nullptr);
  ASSERT_NE(directory_.key_of(kUk), nullptr);
  EXPECT_EQ(directory_.key_of(kUk)->key, "ukkey");
  EXPECT_EQ(directory_.key_of(AccountId("none")), nullptr);
  ASSERT_NE(directory_.find_account(kDev), nullptr);
  EXPECT_EQ(directory_.find_account(kDev)->name, "Development");
  EXPECT_EQ(directory_.find_account(AccountId("none")), nullptr);
  ASSERT_NE(directory_.find_region(kVirginia), nullptr);
  EXPECT_EQ(directory_.find_region(kVirginia)->url, "ws://us");
  EXPECT_EQ(directory_.find_region(RegionId("mars")), nullptr);
  EXPECT_EQ(directory_.accounts().front().id(), kDev);
  EXPECT_EQ(directory_.regions().size(), 2U);
}

TEST_F(MemoryDirectoryTest, shows_pools_as_they_report) {
  directory_.report_pool(1, Liveness::kDraining, 3);
  EXPECT_EQ(directory_.pools()[0], (residency::PoolState{kLondon, Liveness::kLive, 10}));
  EXPECT_EQ(directory_.pools()[1], (residency::PoolState{kVirginia, Liveness::kDraining, 3}));
}

TEST_F(MemoryDirectoryTest, a_changed_policy_has_the_next_epoch) {
  const auto epoch = change(kDev, {kLondon}, PolicyEpoch(1));
  ASSERT_TRUE(epoch);
  EXPECT_EQ(*epoch, PolicyEpoch(2));
  EXPECT_EQ(directory_.find_account(kDev)->policy.effective(), residency::RegionSet{kLondon});
  EXPECT_EQ(directory_.find_account(kDev)->policy.epoch(), PolicyEpoch(2));
}

TEST_F(MemoryDirectoryTest, the_same_policy_again_keeps_its_epoch) {
  EXPECT_EQ(change(kDev, {kLondon, kVirginia}, PolicyEpoch(1)), PolicyEpoch(1));
}

TEST_F(MemoryDirectoryTest, refused_changes_change_nothing) {
  const auto error_of = [&](const AccountId& account, residency::RegionSet set,
                            std::uint64_t epoch) {
    return change(account, std::move(set), PolicyEpoch(epoch)).error();
  };
  EXPECT_EQ(error_of(AccountId("none"), {kLondon}, 1), PolicyError::kUnknownAccount);
  EXPECT_EQ(error_of(kDev, {kVirginia}, 1), PolicyError::kDefaultRegionLocked);
  EXPECT_EQ(error_of(kDev, {}, 1), PolicyError::kDefaultRegionLocked);
  EXPECT_EQ(error_of(kDev, {kLondon, RegionId("mars")}, 1), PolicyError::kUnknownRegion);
  EXPECT_EQ(error_of(kDev, {kLondon}, 2), PolicyError::kStaleEpoch);
  EXPECT_EQ(directory_.find_account(kDev)->policy.epoch(), PolicyEpoch(1));
  EXPECT_EQ(directory_.find_account(kDev)->policy.effective().size(), 2U);
}

TEST_F(MemoryDirectoryTest, a_snapshot_is_of_the_policies_at_its_time) {
  audit::Log log("ND_1");
  residency::Gate gate(log);
  const auto permit = gate.admit_again({.policy = &directory_.find_account(kDev)->policy,
                                        .arrived_at = kLondon,
                                        .hint = {},
                                        .regions = {},
                                        .pools = {}},
                                       kVirginia, {}, {});
  ASSERT_TRUE(permit);
  const auto before = directory_.snapshot(1);
  ASSERT_TRUE(change(kDev, {kLondon}, PolicyEpoch(1)));
  const auto after = directory_.snapshot(2);
  EXPECT_EQ(after->generation(), 2U);
  EXPECT_TRUE(before->admits(*permit));
  EXPECT_FALSE(after->admits(*permit));
}

}  // namespace
}  // namespace meridian::directory
