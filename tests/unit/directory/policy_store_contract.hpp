#pragma once

#include <string>

#include <gtest/gtest.h>

#include "directory/policy_store.hpp"

namespace meridian::directory::testing_support {

inline PolicyVersion version_of(const std::string& account, residency::RegionSet opted_in,
                                std::uint64_t epoch) {
  return {residency::AccountPolicy({.account = AccountId(account),
                                    .default_region = RegionId("uk"),
                                    .opted_in = std::move(opted_in)},
                                   PolicyEpoch(epoch)),
          "ann", "reason " + std::to_string(epoch),
          UnixTime::from_seconds(static_cast<std::int64_t>(1000 + epoch))};
}

/// What every store does, from empty.
inline void expect_contract(PolicyStore& store) {
  const StoredAccount a{AccountId("a"), "Aye", ManagedBy::kStore, "a.example"};
  const StoredAccount b{AccountId("b"), "Bee", ManagedBy::kFile, ""};
  ASSERT_TRUE(store.append(b, version_of("b", {}, 3)));
  ASSERT_TRUE(store.append(a, version_of("a", {RegionId("eu")}, 1)));
  ASSERT_TRUE(store.append(a, version_of("a", {RegionId("eu"), RegionId("us")}, 2)));
  EXPECT_FALSE(store.append(a, version_of("a", {}, 2)));
  EXPECT_FALSE(store.append(b, version_of("b", {}, 2)));
  StoredAccount renamed = a;
  renamed.name = "A";
  ASSERT_TRUE(store.append(renamed, version_of("a", {}, 9)));

  const auto accounts = store.accounts();
  ASSERT_TRUE(accounts);
  ASSERT_EQ(accounts->size(), 2U);
  EXPECT_EQ((*accounts)[0].account, b);
  EXPECT_EQ((*accounts)[1].account, renamed);
  EXPECT_EQ((*accounts)[1].version.policy.epoch(), PolicyEpoch(9));

  const auto versions = store.versions(AccountId("a"), 10, PolicyEpoch{});
  ASSERT_TRUE(versions);
  ASSERT_EQ(versions->size(), 3U);
  EXPECT_EQ((*versions)[0].policy.epoch(), PolicyEpoch(9));
  EXPECT_EQ((*versions)[1].policy.terms(),
            version_of("a", {RegionId("eu"), RegionId("us")}, 2).policy.terms());
  EXPECT_EQ((*versions)[1].policy.digest(),
            version_of("a", {RegionId("eu"), RegionId("us")}, 2).policy.digest());
  EXPECT_EQ((*versions)[2].actor, "ann");
  EXPECT_EQ((*versions)[2].reason, "reason 1");
  EXPECT_EQ((*versions)[2].time, UnixTime::from_seconds(1001));
  const auto older = store.versions(AccountId("a"), 1, PolicyEpoch(9));
  ASSERT_TRUE(older);
  ASSERT_EQ(older->size(), 1U);
  EXPECT_EQ(older->front().policy.epoch(), PolicyEpoch(2));
  EXPECT_TRUE(store.versions(AccountId("none"), 10, PolicyEpoch{}).value().empty());

  EXPECT_EQ(store.forget_author(AccountId("a"), PolicyEpoch(5)), 0U) << "there is no such version";
  EXPECT_EQ(store.forget_author(AccountId("a"), PolicyEpoch(2)), 3U) << "all by the same author";
  EXPECT_EQ(store.forget_author(AccountId("a"), PolicyEpoch(2)), 0U);
  const auto forgotten = store.versions(AccountId("a"), 10, PolicyEpoch{});
  ASSERT_TRUE(forgotten);
  EXPECT_EQ((*forgotten)[1].actor, PolicyStore::kForgotten);
  EXPECT_EQ((*forgotten)[1].reason, PolicyStore::kForgotten);
  EXPECT_EQ((*forgotten)[1].time, (*versions)[1].time);
  EXPECT_EQ((*forgotten)[1].policy.digest(), (*versions)[1].policy.digest());
  EXPECT_EQ(store.versions(AccountId("b"), 1, PolicyEpoch{})->front().actor, "ann");

  ASSERT_TRUE(store.put_key({"k1", "s1", AccountId("a")}));
  ASSERT_TRUE(store.put_key({"k2", "s2", AccountId("a")}));
  const ApiKey rotated{"k1", "new", AccountId("a"), "s1", UnixTime::from_seconds(2000)};
  ASSERT_TRUE(store.put_key(rotated));
  ASSERT_TRUE(store.remove_key("k2"));
  ASSERT_TRUE(store.remove_key("never"));
  const auto keys = store.keys();
  ASSERT_TRUE(keys);
  ASSERT_EQ(keys->size(), 1U);
  EXPECT_EQ(keys->front(), rotated);
}

}  // namespace meridian::directory::testing_support
