#include "residency/decide.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/residency/random_policy.hpp"

namespace meridian::residency {
namespace {

using testing_support::World;
using Liveness = PoolState::Liveness;

const RegionId kLondon("uk-london");
const RegionId kFrankfurt("eu-frankfurt");
const RegionId kVirginia("us-east");

class Decide : public testing::Test {
 protected:
  ClientDecision ask(const RegionId& arrived_at, std::optional<RegionId> hint = {}) {
    const AccountPolicy policy(terms_, PolicyEpoch(1));
    return decide(ClientQuestion{.policy = &policy,
                                 .levels = levels_,
                                 .seen = seen_,
                                 .guest = guest_,
                                 .arrived_at = arrived_at,
                                 .hint = std::move(hint),
                                 .regions = regions_,
                                 .pools = pools_});
  }
  static Denied denied(DenialReason reason, std::vector<RegionId> permitted) {
    return {reason, std::move(permitted)};
  }

  std::vector<Region> regions_{{kLondon, "", {}, {51.5, -0.1}, ""},
                               {kFrankfurt, "", {}, {50.1, 8.7}, ""},
                               {kVirginia, "", {}, {38.9, -77.0}, ""}};
  std::vector<PoolState> pools_{{kLondon, Liveness::kLive, 10},
                                {kFrankfurt, Liveness::kLive, 10},
                                {kVirginia, Liveness::kLive, 10}};
  AccountPolicy::Terms terms_{.account = AccountId("a"),
                              .default_region = kLondon,
                              .opted_in = {kFrankfurt},
                              .signalling_scope = SignallingScope::kPermittedOnly};
  LevelNames levels_;
  std::optional<PolicyEpoch> seen_;
  std::optional<Guest> guest_;
};

TEST_F(Decide, stays_where_it_arrived) {
  EXPECT_EQ(ask(kLondon), ClientDecision(ClientAllowed{kLondon, 0}));
  EXPECT_EQ(ask(kFrankfurt), ClientDecision(ClientAllowed{kFrankfurt, 1}));
}

TEST_F(Decide, refuses_at_a_region_that_the_account_may_not_use) {
  EXPECT_EQ(ask(kVirginia),
            ClientDecision(denied(DenialReason::kRegionNotAllowed, {kLondon, kFrankfurt})));
}

TEST_F(Decide, takes_signalling_anywhere_when_the_scope_says_so) {
  terms_.signalling_scope = SignallingScope::kAny;
  EXPECT_EQ(ask(kVirginia), ClientDecision(ClientAllowed{kLondon, 0}));
}

TEST_F(Decide, follows_a_permitted_hint) {
  EXPECT_EQ(ask(kLondon, kFrankfurt), ClientDecision(ClientAllowed{kFrankfurt, 1}));
}

TEST_F(Decide, refuses_a_hint_that_is_forbidden_or_unknown) {
  terms_.signalling_scope = SignallingScope::kAny;
  for (const RegionId& hint : {kVirginia, RegionId("mars"), RegionId("")}) {
    const auto decision = ask(kLondon, hint);
    ASSERT_TRUE(std::holds_alternative<Denied>(decision));
    EXPECT_EQ(std::get<Denied>(decision).reason, DenialReason::kRegionNotAllowed);
    EXPECT_THAT(std::get<Denied>(decision).permitted,
                testing::UnorderedElementsAre(kLondon, kFrankfurt));
  }
}

TEST_F(Decide, moves_to_the_next_permitted_region_when_one_is_full) {
  pools_[0].free = 0;
  EXPECT_EQ(ask(kLondon), ClientDecision(ClientAllowed{kFrankfurt, 1}));
}

TEST_F(Decide, never_spills_out_of_the_permitted_regions) {
  pools_[0].liveness = Liveness::kDraining;
  pools_[1].liveness = Liveness::kDown;
  EXPECT_EQ(ask(kLondon),
            ClientDecision(denied(DenialReason::kRegionUnavailable, {kLondon, kFrankfurt})));
}

TEST_F(Decide, picks_the_pool_with_most_room) {
  pools_.push_back({kLondon, Liveness::kLive, 11});
  pools_.push_back({kLondon, Liveness::kDown, 99});
  pools_.push_back({kLondon, Liveness::kLive, 11});
  EXPECT_EQ(ask(kLondon), ClientDecision(ClientAllowed{kLondon, 3}));
}

TEST_F(Decide, an_account_without_a_policy_is_refused) {
  EXPECT_EQ(decide(ClientQuestion{}), ClientDecision(denied(DenialReason::kUnknownAccount, {})));
  EXPECT_EQ(decide(RelayQuestion{}), RelayDecision(denied(DenialReason::kUnknownAccount, {})));
}

TEST_F(Decide, levels_narrow_and_never_widen) {
  terms_.levels.groups["ward"] = {kLondon};
  terms_.levels.rooms["board"] = {kLondon, kVirginia};
  levels_.group = "ward";
  EXPECT_EQ(ask(kFrankfurt), ClientDecision(denied(DenialReason::kRegionNotAllowed, {kLondon})));
  levels_ = {.group = "other", .user = {}, .room = "board"};
  EXPECT_EQ(ask(kVirginia), ClientDecision(denied(DenialReason::kRegionNotAllowed, {kLondon})));
  EXPECT_EQ(ask(kLondon), ClientDecision(ClientAllowed{kLondon, 0}));
}

TEST_F(Decide, refuses_a_token_of_an_older_epoch_and_names_the_present_places) {
  seen_ = PolicyEpoch(0);
  EXPECT_EQ(ask(kLondon), ClientDecision(denied(DenialReason::kStaleEpoch, {kLondon, kFrankfurt})));
  seen_ = PolicyEpoch(1);
  EXPECT_EQ(ask(kLondon), ClientDecision(ClientAllowed{kLondon, 0}));
  seen_ = PolicyEpoch(2);  // this node is behind: what it knows still holds
  EXPECT_EQ(ask(kLondon), ClientDecision(ClientAllowed{kLondon, 0}));
}

TEST_F(Decide, the_host_governs_its_guests_unless_somebody_is_strict) {
  const AccountPolicy home({.account = AccountId("g"), .default_region = kVirginia, .opted_in = {}},
                           PolicyEpoch(1));
  guest_ = Guest{&home, {kLondon}};
  EXPECT_EQ(ask(kLondon), ClientDecision(ClientAllowed{kLondon, 0}));
  terms_.guest_mode = GuestMode::kStrict;
  EXPECT_EQ(ask(kLondon), ClientDecision(denied(DenialReason::kGuestPolicyConflict, {})));
}

TEST_F(Decide, a_strict_guest_gets_a_region_that_both_accounts_permit) {
  AccountPolicy::Terms terms{
      .account = AccountId("g"), .default_region = kFrankfurt, .opted_in = {}};
  terms.guest_mode = GuestMode::kStrict;
  const AccountPolicy home(terms, PolicyEpoch(1));
  guest_ = Guest{&home, {}};
  EXPECT_EQ(ask(kLondon), ClientDecision(ClientAllowed{kFrankfurt, 1}));
  guest_->in_use = {kFrankfurt};
  EXPECT_EQ(ask(kLondon), ClientDecision(ClientAllowed{kFrankfurt, 1}));
  guest_->in_use = {kFrankfurt, kLondon};
  EXPECT_EQ(ask(kLondon), ClientDecision(denied(DenialReason::kGuestPolicyConflict, {})));
}

TEST_F(Decide, a_guest_of_an_unknown_account_is_refused_where_guests_are_strict) {
  guest_ = Guest{nullptr, {}};
  EXPECT_EQ(ask(kLondon), ClientDecision(ClientAllowed{kLondon, 0}));
  terms_.guest_mode = GuestMode::kStrict;
  EXPECT_EQ(ask(kLondon), ClientDecision(denied(DenialReason::kGuestPolicyConflict, {})));
}

TEST_F(Decide, a_relay_needs_both_ends_permitted) {
  const AccountPolicy policy(terms_, PolicyEpoch(1));
  const auto ask_relay = [&](const RegionId& from, const RegionId& to) {
    return decide(RelayQuestion{.policy = &policy, .from = from, .to = to});
  };
  EXPECT_EQ(ask_relay(kLondon, kFrankfurt), RelayDecision(RelayAllowed{kLondon, kFrankfurt}));
  const Denied refused = denied(DenialReason::kRegionNotAllowed, {kFrankfurt, kLondon});
  EXPECT_EQ(ask_relay(kLondon, kVirginia), RelayDecision(refused));
  EXPECT_EQ(ask_relay(kVirginia, kLondon), RelayDecision(refused));
}

TEST_F(Decide, reasons_have_names_and_statuses) {
  EXPECT_EQ(http_status(DenialReason::kRegionNotAllowed), 403U);
  EXPECT_EQ(http_status(DenialReason::kUnknownAccount), 403U);
  EXPECT_EQ(http_status(DenialReason::kInvalidOverride), 403U);
  EXPECT_EQ(http_status(DenialReason::kRegionUnavailable), 503U);
  EXPECT_EQ(http_status(DenialReason::kAuditUnavailable), 503U);
  EXPECT_EQ(name_of(DenialReason::kRegionNotAllowed), "region_not_allowed");
  EXPECT_EQ(name_of(DenialReason::kRegionUnavailable), "region_unavailable");
}

// ---- Properties, each over 10,000 random worlds -------------------------------------------------

constexpr int kWorlds = 10'000;

TEST(DecideProperty, agrees_with_the_policy_as_restated) {
  Rng rng(2026);
  int allowed_count = 0;
  for (int i = 0; i < kWorlds; ++i) {
    const World world = testing_support::random_world(rng);
    const AccountPolicy policy(world.terms, PolicyEpoch(1));
    const auto decision = decide(testing_support::question_of(world, policy));
    const auto* allowed = std::get_if<ClientAllowed>(&decision);
    const auto permitted = [&](const RegionId& r) {
      return testing_support::is_permitted(world, r);
    };
    const bool may_be_asked =
        (permitted(world.arrived_at) || world.terms.signalling_scope == SignallingScope::kAny) &&
        (!world.hint || permitted(*world.hint));
    const auto is_usable = [&](const PoolState& pool) {
      return permitted(pool.region) && pool.liveness == Liveness::kLive && pool.free > 0;
    };
    const bool is_possible = may_be_asked && std::ranges::any_of(world.pools, is_usable);
    ASSERT_EQ(allowed != nullptr, is_possible) << "world " << i;
    if (allowed != nullptr) {
      ++allowed_count;
      ASSERT_TRUE(is_usable(world.pools[allowed->pool])) << "world " << i;
      ASSERT_EQ(world.pools[allowed->pool].region, allowed->region) << "world " << i;
    } else if (may_be_asked) {
      ASSERT_EQ(std::get<Denied>(decision).reason, DenialReason::kRegionUnavailable);
    }
  }
  // Both answers must be common, or the test says nothing.
  EXPECT_GT(allowed_count, kWorlds / 5);
  EXPECT_LT(allowed_count, kWorlds * 4 / 5);
}

TEST(DecideProperty, a_denial_names_only_permitted_regions) {
  Rng rng(7);
  for (int i = 0; i < kWorlds; ++i) {
    const World world = testing_support::random_world(rng);
    const AccountPolicy policy(world.terms, PolicyEpoch(1));
    const auto decision = decide(testing_support::question_of(world, policy));
    if (const auto* denied = std::get_if<Denied>(&decision)) {
      for (const RegionId& region : denied->permitted) {
        ASSERT_TRUE(testing_support::is_permitted(world, region)) << "world " << i;
      }
    }
  }
}

// Taking a region away, on whichever level, never gives a permit that wasn't there, and never one
// in the region that was taken.
TEST(DecideProperty, narrowing_never_adds_a_permit) {
  Rng rng(99);
  int lost = 0;
  for (int i = 0; i < kWorlds; ++i) {
    const World before = testing_support::random_world(rng);
    World after = before;
    const RegionId banned = testing_support::region_of(rng.below(testing_support::kRegions));
    if (banned == before.terms.default_region) {
      continue;
    }
    after.terms.opted_in.erase(banned);
    const AccountPolicy policy_before(before.terms, PolicyEpoch(1));
    const AccountPolicy policy_after(after.terms, PolicyEpoch(2));
    for (const RegionId& from : {before.arrived_at, banned}) {
      World asked_before = before;
      World asked_after = after;
      asked_before.arrived_at = asked_after.arrived_at = from;
      const auto was = decide(testing_support::question_of(asked_before, policy_before));
      const auto is = decide(testing_support::question_of(asked_after, policy_after));
      if (const auto* allowed = std::get_if<ClientAllowed>(&is)) {
        ASSERT_NE(allowed->region, banned) << "world " << i;
        ASSERT_TRUE(std::holds_alternative<ClientAllowed>(was)) << "world " << i;
      } else {
        lost += std::holds_alternative<ClientAllowed>(was) ? 1 : 0;
      }
    }
  }
  EXPECT_GT(lost, 0);
}

}  // namespace
}  // namespace meridian::residency
