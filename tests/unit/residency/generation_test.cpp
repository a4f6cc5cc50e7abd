#include "residency/generation.hpp"

#include <gtest/gtest.h>

#include "residency/gate.hpp"

namespace meridian::residency {
namespace {

AccountPolicy policy_of(const char* account, RegionSet opted_in, std::uint64_t epoch) {
  return AccountPolicy({.account = AccountId(account),
                        .default_region = RegionId("uk"),
                        .opted_in = std::move(opted_in),
                        .signalling_scope = SignallingScope::kPermittedOnly},
                       PolicyEpoch(epoch));
}

Permit<ClientLeg> permit_for(const AccountPolicy& policy, const char* region) {
  audit::Log log("ND_1");
  Gate gate(log);
  auto permit = gate.admit_again(
      ClientQuestion{.policy = &policy, .arrived_at = {}, .hint = {}, .regions = {}, .pools = {}},
      RegionId(region), {}, {});
  return std::move(permit.value());
}

TEST(PolicyGeneration, moves_by_one_at_each_change) {
  PolicyGeneration generation;
  EXPECT_EQ(generation.load(), 0U);
  EXPECT_EQ(generation.advance(), 1U);
  EXPECT_EQ(generation.load(), 1U);
}

TEST(PolicySnapshot, admits_what_the_policies_permit) {
  const std::vector policies{policy_of("b", {RegionId("us"), RegionId("eu")}, 1),
                             policy_of("a", {}, 1)};
  const PolicySnapshot snapshot(5, policies);
  EXPECT_EQ(snapshot.generation(), 5U);
  EXPECT_TRUE(snapshot.admits(permit_for(policies[0], "us")));
  EXPECT_TRUE(snapshot.admits(permit_for(policies[0], "uk")));
  EXPECT_TRUE(snapshot.admits(permit_for(policies[1], "uk")));
}

TEST(PolicySnapshot, denies_a_region_that_was_opted_out) {
  const AccountPolicy before = policy_of("a", {RegionId("us")}, 1);
  const auto in_us = permit_for(before, "us");
  const auto in_uk = permit_for(before, "uk");
  const std::vector after{policy_of("a", {}, 2)};
  const PolicySnapshot snapshot(1, after);
  EXPECT_FALSE(snapshot.admits(in_us));
  EXPECT_TRUE(snapshot.admits(in_uk));
}

TEST(PolicySnapshot, denies_accounts_that_it_does_not_know) {
  const std::vector policies{policy_of("b", {}, 1)};
  const PolicySnapshot snapshot(1, policies);
  EXPECT_FALSE(snapshot.admits(permit_for(policy_of("a", {}, 1), "uk")));
  EXPECT_FALSE(snapshot.admits(permit_for(policy_of("c", {}, 1), "uk")));
  EXPECT_FALSE(PolicySnapshot().admits(permit_for(policies[0], "uk")));
}

TEST(PolicySnapshot, denies_a_permit_of_a_later_epoch) {
  const std::vector policies{policy_of("a", {}, 1)};
  EXPECT_FALSE(PolicySnapshot(1, policies).admits(permit_for(policy_of("a", {}, 2), "uk")));
}

TEST(PolicySnapshot, denies_a_void_permit) {
  const std::vector policies{policy_of("a", {}, 1)};
  Permit<ClientLeg> permit = permit_for(policies[0], "uk");
  const Permit<ClientLeg> taken = std::move(permit);
  const PolicySnapshot snapshot(1, policies);
  EXPECT_FALSE(snapshot.admits(permit));
  EXPECT_TRUE(snapshot.admits(taken));
}

TEST(PolicySnapshot, a_permit_that_was_narrowed_must_hold_under_both_levels) {
  AccountPolicy::Terms terms{.account = AccountId("a"),
                             .default_region = RegionId("uk"),
                             .opted_in = {RegionId("uk"), RegionId("us")}};
  terms.levels.groups["ward"] = {RegionId("uk")};
  const std::vector policies{AccountPolicy(terms, PolicyEpoch(1))};
  const PolicySnapshot snapshot(1, policies, {RegionId("uk"), RegionId("us")});
  Permit<ClientLeg> there = permit_for(policies[0], "us");
  Permit<ClientLeg> home = permit_for(policies[0], "uk");
  EXPECT_TRUE(snapshot.admits(there));
  EXPECT_FALSE(snapshot.is_restricted(home));
  there.narrow({.group = "ward", .user = {}, .room = {}});
  home.narrow({.group = "ward", .user = {}, .room = {}});
  EXPECT_FALSE(snapshot.admits(there));
  EXPECT_TRUE(snapshot.admits(home));
  EXPECT_TRUE(snapshot.is_restricted(home));
  const Permit<ClientLeg> moved = std::move(there);
  EXPECT_FALSE(snapshot.admits(moved)) << "it stays narrowed";
}

TEST(PolicySnapshot, says_who_stops_without_a_lease) {
  const RegionId london("uk-london");
  const RegionId virginia("us-east");
  const auto policy = [&](const char* account, RegionSet opted_in, std::uint64_t epoch = 1) {
    AccountPolicy::Terms terms;
    terms.account = AccountId(account);
    terms.default_region = london;
    terms.opted_in = std::move(opted_in);
    terms.levels.rooms["ward"] = {london};
    return AccountPolicy(std::move(terms), PolicyEpoch(epoch));
  };
  audit::Log log("test");
  Gate gate(log);
  const auto permit_in = [&](const AccountPolicy& of, const char* room) {
    auto again = gate.admit_again(ClientQuestion{.policy = &of,
                                                 .levels = LevelNames{{}, {}, room},
                                                 .arrived_at = {},
                                                 .hint = {},
                                                 .regions = {},
                                                 .pools = {}},
                                  london, {}, {});
    EXPECT_TRUE(again.has_value());
    return std::move(*again);
  };
  const std::vector policies{policy("everywhere", {london, virginia}), policy("london", {london})};
  const PolicySnapshot snapshot(1, policies, {london, virginia});
  EXPECT_FALSE(snapshot.is_restricted(permit_in(policies[0], "lobby")));
  EXPECT_TRUE(snapshot.is_restricted(permit_in(policies[0], "ward")));
  EXPECT_TRUE(snapshot.is_restricted(permit_in(policies[1], "lobby")));
  EXPECT_TRUE(snapshot.is_restricted(permit_in(policy("unknown", {london, virginia}), "lobby")));
  EXPECT_TRUE(PolicySnapshot(1, policies).is_restricted(permit_in(policies[0], "lobby")));
  const PolicySnapshot in_grace(1, policies, {london, virginia}, {AccountId("everywhere")});
  EXPECT_TRUE(in_grace.is_restricted(permit_in(policies[0], "lobby")));
}

}  // namespace
}  // namespace meridian::residency
