#include "residency/policy.hpp"

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace meridian::residency {
namespace {

RegionSet regions(std::initializer_list<const char*> ids) {
  RegionSet set;
  for (const char* id : ids) {
    set.insert(RegionId(id));
  }
  return set;
}

AccountPolicy policy_of(RegionSet opted_in) {
  return AccountPolicy({.account = AccountId("a"),
                        .default_region = RegionId("uk"),
                        .opted_in = std::move(opted_in),
                        .signalling_scope = SignallingScope::kPermittedOnly},
                       PolicyEpoch(1));
}

TEST(AccountPolicy, always_has_its_default_region) {
  EXPECT_EQ(policy_of({}).effective(), regions({"uk"}));
  EXPECT_EQ(policy_of(regions({"us"})).effective(), regions({"uk", "us"}));
}

TEST(AccountPolicy, levels_narrow_one_by_one) {
  AccountPolicy::Terms terms = policy_of(regions({"eu", "us", "jp"})).terms();
  terms.levels.groups["ward"] = regions({"uk", "eu", "us"});
  terms.levels.users["ann"] = {.group = "ward", .regions = regions({"uk", "us"})};
  terms.levels.rooms["board"] = regions({"uk", "jp"});
  const AccountPolicy policy(terms, PolicyEpoch(1));
  EXPECT_EQ(policy.effective(LevelNames{}), policy.effective());
  EXPECT_EQ(policy.effective({.group = "ward", .user = {}, .room = {}}),
            regions({"uk", "eu", "us"}));
  EXPECT_EQ(policy.effective({.group = {}, .user = "ann", .room = {}}), regions({"uk", "us"}));
  EXPECT_EQ(policy.effective({.group = {}, .user = "ann", .room = "board"}), regions({"uk"}));
  EXPECT_EQ(policy.effective({.group = {}, .user = "bob", .room = "board"}), regions({"uk", "jp"}));
}

TEST(AccountPolicy, no_level_removes_the_default_region) {
  AccountPolicy::Terms terms = policy_of(regions({"eu"})).terms();
  terms.levels.rooms["board"] = {};
  EXPECT_EQ(AccountPolicy(terms, PolicyEpoch(1)).effective({{}, {}, "board"}), regions({"uk"}));
}

TEST(AccountPolicy, a_user_s_group_is_what_the_account_says_rather_than_the_token) {
  AccountPolicy::Terms terms = policy_of(regions({"eu", "us"})).terms();
  terms.levels.groups["ward"] = regions({"uk"});
  terms.levels.groups["office"] = regions({"uk", "eu"});
  terms.levels.users["ann"] = {.group = "ward", .regions = {}};
  const AccountPolicy policy(terms, PolicyEpoch(1));
  EXPECT_EQ(policy.effective({.group = "office", .user = "ann", .room = {}}), regions({"uk"}));
}

TEST(AccountPolicy, explains_what_each_level_leaves) {
  AccountPolicy::Terms terms = policy_of(regions({"eu", "us"})).terms();
  terms.levels.groups["ward"] = regions({"uk", "eu"});
  terms.levels.rooms["board"] = regions({"uk"});
  const AccountPolicy policy(terms, PolicyEpoch(1));
  EXPECT_THAT(
      policy.explain({.group = "ward", .user = "ann", .room = "board"}),
      testing::ElementsAre(Step{"account", regions({"eu", "uk", "us"})},
                           Step{"group", regions({"eu", "uk"})}, Step{"room", regions({"uk"})}));
}

TEST(CheckLevels, refuses_a_setting_outside_its_parent) {
  AccountPolicy::Terms terms = policy_of(regions({"eu", "us"})).terms();
  terms.levels.groups["ward"] = regions({"uk", "eu"});
  EXPECT_TRUE(check_levels(terms));
  terms.levels.users["ann"] = {.group = "ward", .regions = regions({"uk", "us"})};
  auto checked = check_levels(terms);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().kind, LevelFault::Kind::kOutsideParent);
  EXPECT_THAT(checked.error().message, testing::HasSubstr("user setting of ann allows region us"));
  terms.levels.users.clear();
  terms.levels.rooms["board"] = regions({"uk", "jp"});
  EXPECT_EQ(check_levels(terms).error().kind, LevelFault::Kind::kOutsideParent);
}

TEST(CheckLevels, refuses_a_setting_without_the_default_region) {
  AccountPolicy::Terms terms = policy_of(regions({"eu"})).terms();
  terms.levels.rooms["board"] = regions({"eu"});
  EXPECT_EQ(check_levels(terms).error().kind, LevelFault::Kind::kDropsDefault);
}

TEST(CheckLevels, bounds_names_and_entries) {
  AccountPolicy::Terms terms = policy_of({}).terms();
  terms.levels.rooms[""] = regions({"uk"});
  EXPECT_EQ(check_levels(terms).error().kind, LevelFault::Kind::kMalformed);
  terms.levels.rooms.clear();
  terms.levels.rooms[std::string(kMaxLevelName + 1, 'x')] = regions({"uk"});
  EXPECT_EQ(check_levels(terms).error().kind, LevelFault::Kind::kMalformed);
  terms.levels.rooms.clear();
  for (std::size_t i = 0; i <= kMaxLevelEntries; ++i) {
    terms.levels.rooms[std::to_string(i)] = regions({"uk"});
  }
  EXPECT_EQ(check_levels(terms).error().kind, LevelFault::Kind::kMalformed);
}

TEST(IsWithin, every_way_to_narrow_and_every_way_to_widen) {
  AccountPolicy::Terms base = policy_of(regions({"eu", "us"})).terms();
  base.levels.groups["ward"] = regions({"uk", "eu"});
  base.levels.users["ann"] = {.group = "ward", .regions = regions({"uk", "eu"})};
  base.levels.rooms["board"] = regions({"uk", "us"});
  using Change = void (*)(AccountPolicy::Terms&);
  const Change narrowing[] = {
      [](AccountPolicy::Terms&) {},
      [](AccountPolicy::Terms& t) { t.opted_in.erase(RegionId("us")); },
      [](AccountPolicy::Terms& t) { t.levels.groups["ward"] = regions({"uk"}); },
      [](AccountPolicy::Terms& t) { t.levels.rooms["new"] = regions({"uk"}); },
      [](AccountPolicy::Terms& t) { t.levels.users["ann"].regions = regions({"uk"}); },
      [](AccountPolicy::Terms& t) { t.guest_mode = GuestMode::kStrict; },
      [](AccountPolicy::Terms& t) { t.evidence = Evidence::kRequired; },
      [](AccountPolicy::Terms& t) { t.locked.insert(Setting::kEvidence); },
  };
  const Change widening[] = {
      [](AccountPolicy::Terms& t) { t.opted_in.insert(RegionId("jp")); },
      [](AccountPolicy::Terms& t) { t.signalling_scope = SignallingScope::kAny; },
      [](AccountPolicy::Terms& t) { t.default_region = RegionId("eu"); },
      [](AccountPolicy::Terms& t) { t.levels.groups.clear(); },
      [](AccountPolicy::Terms& t) { t.levels.groups["ward"].insert(RegionId("us")); },
      [](AccountPolicy::Terms& t) { t.levels.users.erase("ann"); },
      [](AccountPolicy::Terms& t) { t.levels.users["ann"].regions.reset(); },
      [](AccountPolicy::Terms& t) { t.levels.users["ann"].group = "other"; },
      [](AccountPolicy::Terms& t) { t.levels.users["bob"].group = "other"; },
      [](AccountPolicy::Terms& t) { t.levels.rooms["board"].insert(RegionId("eu")); },
  };
  for (const Change change : narrowing) {
    AccountPolicy::Terms next = base;
    change(next);
    EXPECT_TRUE(is_within(next, base)) << canonical(next);
    EXPECT_EQ(is_within(base, next), next == base) << canonical(next);
  }
  for (const Change change : widening) {
    AccountPolicy::Terms next = base;
    change(next);
    EXPECT_FALSE(is_within(next, base)) << canonical(next);
  }
}

TEST(Names, are_read_back) {
  for (const Setting setting : {Setting::kOptedIn, Setting::kSignallingScope, Setting::kGuestMode,
                                Setting::kOverrides, Setting::kEvidence}) {
    EXPECT_EQ(parse_name<Setting>(name_of(setting)), setting);
  }
  EXPECT_EQ(parse_name<GuestMode>("strict"), GuestMode::kStrict);
  EXPECT_EQ(parse_name<Evidence>("required"), Evidence::kRequired);
  EXPECT_EQ(parse_name<RoutingControl>("fixed"), RoutingControl::kFixed);
  EXPECT_EQ(parse_name<SignallingScope>("any"), SignallingScope::kAny);
  EXPECT_FALSE(parse_name<Setting>("everything"));
}

TEST(AccountPolicy, the_digest_covers_all_but_the_epoch) {
  const AccountPolicy policy = policy_of(regions({"eu"}));
  EXPECT_EQ(policy.digest(), AccountPolicy(policy.terms(), PolicyEpoch(2)).digest());
  EXPECT_EQ(policy.digest(), policy_of(regions({"eu", "uk"})).digest());
  AccountPolicy::Terms changed = policy.terms();
  changed.signalling_scope = SignallingScope::kAny;
  EXPECT_NE(policy.digest(), AccountPolicy(changed, PolicyEpoch(1)).digest());
  EXPECT_NE(policy.digest(), policy_of({}).digest());
}

TEST(AccountPolicy, the_canonical_form_is_json) {
  AccountPolicy::Terms terms = policy_of(regions({"us", "eu"})).terms();
  terms.levels.groups["ward"] = regions({"uk"});
  terms.levels.users["ann"] = {.group = "ward", .regions = regions({"uk"})};
  terms.locked = {Setting::kEvidence, Setting::kOptedIn};
  EXPECT_EQ(
      canonical(terms),
      R"({"account":"a","default_region":"uk","evidence":"best_effort",)"
      R"("groups":{"ward":["uk"]},"guest_mode":"host_governs","locked":["opted_in","evidence"],)"
      R"("opted_in":["eu","uk","us"],"preset":"","rooms":{},"routing_control":"chosen",)"
      R"("signalling_scope":"permitted_only",)"
      R"("users":{"ann":{"group":"ward","regions":["uk"]}},"v":2})");
  terms.account = AccountId("quote\"");
  EXPECT_EQ(boost::json::parse(canonical(terms)).at("account").as_string(), "quote\"");
}

}  // namespace
}  // namespace meridian::residency
