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

TEST(AccountPolicy, overrides_narrow_level_by_level) {
  const AccountPolicy policy = policy_of(regions({"eu", "us", "jp"}));
  const Overrides overrides{.group = regions({"eu", "us"}), .user = {}, .room = regions({"us"})};
  EXPECT_EQ(policy.effective(Overrides{}), policy.effective());
  EXPECT_EQ(policy.effective(overrides), regions({"uk", "us"}));
}

TEST(AccountPolicy, overrides_cannot_remove_the_default_region) {
  const AccountPolicy policy = policy_of(regions({"eu"}));
  EXPECT_EQ(policy.effective(Overrides{.group = {}, .user = {}, .room = RegionSet{}}),
            regions({"uk"}));
}

TEST(AccountPolicy, an_override_that_widens_is_an_error) {
  const AccountPolicy policy = policy_of(regions({"eu", "us"}));
  EXPECT_FALSE(policy.effective(Overrides{.group = regions({"jp"}), .user = {}, .room = {}}));
  const auto result =
      policy.effective(Overrides{.group = regions({"eu"}), .user = {}, .room = regions({"us"})});
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, testing::HasSubstr("room setting allows region us"));
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
  EXPECT_EQ(canonical(terms), R"({"account":"a","default_region":"uk","opted_in":["eu","uk","us"],)"
                              R"("signalling_scope":"permitted_only","v":1})");
  terms.account = AccountId("quote\"");
  EXPECT_EQ(boost::json::parse(canonical(terms)).at("account").as_string(), "quote\"");
}

}  // namespace
}  // namespace meridian::residency
