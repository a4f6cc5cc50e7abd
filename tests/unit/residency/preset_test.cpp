#include "residency/preset.hpp"

#include <gtest/gtest.h>

#include "unit/residency/random_policy.hpp"

namespace meridian::residency {
namespace {

const std::vector<Region> kRegions{{RegionId("uk"), "", {"uk"}, {}, ""},
                                   {RegionId("eu"), "", {"eu", "de"}, {}, ""},
                                   {RegionId("us"), "", {"us"}, {}, ""}};

AccountPolicy::Terms terms_of(RegionSet opted_in) {
  AccountPolicy::Terms terms{.account = AccountId("a"),
                             .default_region = RegionId("uk"),
                             .opted_in = std::move(opted_in),
                             .signalling_scope = SignallingScope::kAny};
  terms.opted_in.insert(terms.default_region);
  return terms;
}

TEST(Preset, health_leaves_the_default_region_and_locks_it) {
  const Preset health{.name = "health",
                      .regions = Preset::Regions::kDefaultOnly,
                      .jurisdictions = {},
                      .permitted_signalling_only = true,
                      .strict_guests = true,
                      .evidence_required = true,
                      .locked = {Setting::kOptedIn, Setting::kOverrides}};
  AccountPolicy::Terms terms = terms_of({RegionId("eu"), RegionId("us")});
  terms.levels.rooms["board"] = {RegionId("uk"), RegionId("eu")};
  const AccountPolicy::Terms tight = tighten(terms, health, kRegions);
  EXPECT_EQ(tight.opted_in, RegionSet{RegionId("uk")});
  EXPECT_EQ(tight.levels.rooms.at("board"), RegionSet{RegionId("uk")});
  EXPECT_EQ(tight.signalling_scope, SignallingScope::kPermittedOnly);
  EXPECT_EQ(tight.guest_mode, GuestMode::kStrict);
  EXPECT_EQ(tight.evidence, Evidence::kRequired);
  EXPECT_EQ(tight.locked, health.locked);
  EXPECT_EQ(tight.preset, "health");
}

TEST(Preset, jurisdictions_bound_the_choice_but_never_the_default_region) {
  const Preset preset{.name = "eu", .jurisdictions = {"eu"}, .locked = {}};
  EXPECT_EQ(tighten(terms_of({RegionId("eu"), RegionId("us")}), preset, kRegions).opted_in,
            (RegionSet{RegionId("uk"), RegionId("eu")}));
}

TEST(Preset, tightening_is_within_what_was_and_happens_once) {
  Rng rng(11);
  for (int i = 0; i < 2000; ++i) {
    const auto world = testing_support::random_world(rng);
    AccountPolicy::Terms terms = world.terms;
    terms.opted_in.insert(terms.default_region);
    Preset preset{.name = "p", .jurisdictions = {}, .locked = {}};
    preset.regions = rng.chance(0.5) ? Preset::Regions::kChosen : Preset::Regions::kDefaultOnly;
    preset.permitted_signalling_only = rng.chance(0.5);
    preset.strict_guests = rng.chance(0.5);
    preset.evidence_required = rng.chance(0.5);
    const AccountPolicy::Terms tight = tighten(terms, preset, world.regions);
    ASSERT_TRUE(is_within(tight, terms)) << canonical(terms) << canonical(tight);
    ASSERT_EQ(tighten(tight, preset, world.regions), tight);
  }
}

TEST(Preset, a_plan_without_the_choice_has_the_default_region) {
  AccountPolicy::Terms terms = terms_of({RegionId("us")});
  EXPECT_EQ(fix(terms), terms);
  terms.routing_control = RoutingControl::kFixed;
  EXPECT_EQ(fix(terms).opted_in, RegionSet{RegionId("uk")});
}

}  // namespace
}  // namespace meridian::residency
