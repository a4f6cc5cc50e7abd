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

// ---- What a change may do -----------------------------------------------------------------------

const RegionId kFrankfurt("eu-frankfurt");
const UnixTime kNow = UnixTime::from_seconds(1000);

/// A store that can be told to fail.
class FailingStore final : public PolicyStore {
 public:
  base::Expected<std::vector<Entry>, base::Error> accounts() const override {
    return kept.accounts();
  }
  base::Expected<std::vector<ApiKey>, base::Error> keys() const override { return kept.keys(); }
  base::Expected<std::vector<PolicyVersion>, base::Error> versions(
      const AccountId& account, std::size_t limit, PolicyEpoch before) const override {
    return kept.versions(account, limit, before);
  }
  base::Expected<void, base::Error> append(const StoredAccount& account,
                                           const PolicyVersion& version) override {
    return is_broken ? base::fail("disk full") : kept.append(account, version);
  }
  base::Expected<void, base::Error> put_key(const ApiKey& key) override {
    return is_broken ? base::fail("disk full") : kept.put_key(key);
  }
  base::Expected<std::uint64_t, base::Error> forget_author(const AccountId& account,
                                                           PolicyEpoch epoch) override {
    return is_broken ? base::fail("disk full") : kept.forget_author(account, epoch);
  }
  base::Expected<void, base::Error> remove_key(std::string_view key) override {
    return is_broken ? base::fail("disk full") : kept.remove_key(key);
  }

  MemoryPolicyStore kept;
  bool is_broken = false;
};

class PolicyChange : public testing::Test {
 protected:
  PolicyChange() {
    const auto made = directory_.create_account({.id = kDev,
                                                 .name = "Development",
                                                 .default_region = kLondon,
                                                 .opted_in = {kFrankfurt, kVirginia},
                                                 .preset = "",
                                                 .signalling_host = "dev.example"},
                                                {"ops", "new customer"}, kNow);
    EXPECT_TRUE(made.has_value());
  }
  residency::AccountPolicy::Terms terms() const {
    return directory_.find_account(kDev)->policy.terms();
  }
  PolicyResult<PolicyEpoch> put(residency::AccountPolicy::Terms terms,
                                Authority authority = Authority::kOwner) {
    const AccountId account = terms.account;
    const Account* present = directory_.find_account(account);
    return directory_.change_policy(std::move(terms),
                                    present == nullptr ? PolicyEpoch(1) : present->policy.epoch(),
                                    {"ann", "because", authority}, kNow);
  }
  PolicyResult<const Account*> try_to_create(const char* id, const char* preset,
                                             residency::RoutingControl control,
                                             residency::RegionSet opted_in) {
    return directory_.create_account({.id = AccountId(id),
                                      .name = "",
                                      .default_region = kLondon,
                                      .opted_in = std::move(opted_in),
                                      .preset = preset,
                                      .routing_control = control,
                                      .signalling_host = ""},
                                     {"ops", ""}, kNow);
  }
  AccountId create(const char* id, const char* preset, residency::RoutingControl control) {
    EXPECT_TRUE(try_to_create(id, preset, control, {}));
    return AccountId(id);
  }

  FailingStore store_;
  SeededRandomSource random_{4};
  MemoryDirectory directory_{
      Contents{.regions = {{kLondon, "", {"uk"}, {}, ""},
                           {kFrankfurt, "", {"eu"}, {}, ""},
                           {kVirginia, "", {"us"}, {}, ""}},
               .accounts = {},
               .keys = {},
               .pools = {},
               .presets = {{.name = "health",
                            .regions = residency::Preset::Regions::kDefaultOnly,
                            .jurisdictions = {},
                            .strict_guests = true,
                            .locked = {residency::Setting::kOptedIn}},
                           {.name = "european", .jurisdictions = {"eu"}, .locked = {}}}},
      store_};
};

TEST_F(PolicyChange, says_who_made_it_why_and_when_and_keeps_every_version) {
  residency::AccountPolicy::Terms next = terms();
  next.opted_in.erase(kVirginia);
  EXPECT_EQ(put(next), PolicyEpoch(2));
  const Account& account = *directory_.find_account(kDev);
  EXPECT_EQ(account.actor, "ann");
  EXPECT_EQ(account.reason, "because");
  EXPECT_EQ(account.time, kNow);
  EXPECT_EQ(account.signalling_host, "dev.example");
  const auto history = directory_.history(kDev, 10, {});
  ASSERT_TRUE(history);
  ASSERT_EQ(history->size(), 2U);
  EXPECT_EQ((*history)[0].policy.digest(), account.policy.digest());
  EXPECT_EQ((*history)[1].reason, "new customer");
  EXPECT_EQ(directory_.history(AccountId("none"), 10, {}).error(), PolicyError::kUnknownAccount);
}

TEST_F(PolicyChange, is_not_made_when_it_cannot_be_written) {
  store_.is_broken = true;
  residency::AccountPolicy::Terms next = terms();
  next.opted_in.erase(kVirginia);
  EXPECT_EQ(put(next).error(), PolicyError::kUnavailable);
  EXPECT_EQ(directory_.find_account(kDev)->policy.epoch(), PolicyEpoch(1));
  EXPECT_EQ(directory_.create_key(kDev, random_).error(), PolicyError::kUnavailable);
  EXPECT_EQ(directory_.key_of(kDev), nullptr);
}

TEST_F(PolicyChange, refuses_levels_outside_their_parent_or_without_the_default_region) {
  residency::AccountPolicy::Terms next = terms();
  next.opted_in.erase(kVirginia);
  next.levels.rooms["board"] = {kLondon, kVirginia};
  EXPECT_EQ(put(next).error(), PolicyError::kOverrideOutsideParent);
  next.levels.rooms["board"] = {kFrankfurt};
  EXPECT_EQ(put(next).error(), PolicyError::kDefaultRegionLocked);
  next.levels.rooms.clear();
  next.levels.users[""] = {};
  EXPECT_EQ(put(next).error(), PolicyError::kInvalid);
  EXPECT_EQ(directory_.find_account(kDev)->policy.epoch(), PolicyEpoch(1));
}

TEST_F(PolicyChange, never_moves_the_default_region) {
  residency::AccountPolicy::Terms next = terms();
  next.default_region = kFrankfurt;
  EXPECT_EQ(put(next).error(), PolicyError::kDefaultRegionLocked);
}

TEST_F(PolicyChange, the_operator_narrows_and_never_widens) {
  residency::AccountPolicy::Terms next = terms();
  next.opted_in.erase(kVirginia);
  EXPECT_TRUE(put(next, Authority::kOperator));
  next.opted_in.insert(kVirginia);
  EXPECT_EQ(put(next, Authority::kOperator).error(), PolicyError::kOperatorCannotWiden);
  EXPECT_TRUE(put(next, Authority::kAdmin));
  next.signalling_scope = residency::SignallingScope::kAny;
  EXPECT_EQ(put(next, Authority::kOperator).error(), PolicyError::kOperatorCannotWiden);
}

TEST_F(PolicyChange, what_the_owner_locked_only_the_owner_changes) {
  residency::AccountPolicy::Terms next = terms();
  next.locked = {residency::Setting::kOptedIn};
  EXPECT_EQ(put(next, Authority::kAdmin).error(), PolicyError::kLocked);
  ASSERT_TRUE(put(next));
  next.opted_in.erase(kVirginia);
  EXPECT_EQ(put(next, Authority::kAdmin).error(), PolicyError::kLocked);
  EXPECT_TRUE(put(next));
  next.evidence = residency::Evidence::kRequired;
  EXPECT_TRUE(put(next, Authority::kAdmin));
}

TEST_F(PolicyChange, a_preset_bounds_what_anybody_in_the_account_can_change) {
  const AccountId clinic = create("clinic", "health", residency::RoutingControl::kChosen);
  residency::AccountPolicy::Terms next = directory_.find_account(clinic)->policy.terms();
  EXPECT_EQ(next.opted_in, residency::RegionSet{kLondon});
  next.opted_in.insert(kFrankfurt);
  EXPECT_EQ(put(next).error(), PolicyError::kLockedByPreset);
  next.opted_in.erase(kFrankfurt);
  next.guest_mode = residency::GuestMode::kHostGoverns;
  EXPECT_EQ(put(next).error(), PolicyError::kLockedByPreset);
  next.guest_mode = residency::GuestMode::kStrict;
  next.locked.clear();
  EXPECT_EQ(put(next).error(), PolicyError::kLockedByPreset);
  next = directory_.find_account(clinic)->policy.terms();
  next.preset.clear();
  EXPECT_EQ(put(next).error(), PolicyError::kLockedByPreset);
  next.preset = "health";
  next.evidence = residency::Evidence::kRequired;
  EXPECT_TRUE(put(next));
  const AccountId bank = create("bank", "european", residency::RoutingControl::kChosen);
  next = directory_.find_account(bank)->policy.terms();
  next.opted_in.insert(kVirginia);
  EXPECT_EQ(put(next).error(), PolicyError::kLockedByPreset);
}

TEST_F(PolicyChange, an_account_is_not_made_with_regions_that_its_preset_or_plan_excludes) {
  using enum residency::RoutingControl;
  EXPECT_EQ(try_to_create("clinic", "health", kChosen, {kFrankfurt}).error(),
            PolicyError::kLockedByPreset);
  EXPECT_EQ(try_to_create("bank", "european", kChosen, {kVirginia}).error(),
            PolicyError::kLockedByPreset);
  EXPECT_EQ(try_to_create("basic", "", kFixed, {kFrankfurt}).error(), PolicyError::kRoutingFixed);
  EXPECT_EQ(directory_.find_account(AccountId("clinic")), nullptr);
  EXPECT_TRUE(try_to_create("clinic", "health", kChosen, {kLondon}));
  EXPECT_TRUE(try_to_create("bank", "european", kChosen, {kFrankfurt}));
}

TEST_F(PolicyChange, a_plan_without_the_choice_has_its_default_region) {
  const AccountId basic = create("basic", "", residency::RoutingControl::kFixed);
  residency::AccountPolicy::Terms next = directory_.find_account(basic)->policy.terms();
  EXPECT_EQ(next.opted_in, residency::RegionSet{kLondon});
  next.opted_in.insert(kFrankfurt);
  EXPECT_EQ(put(next).error(), PolicyError::kRoutingFixed);
  next.routing_control = residency::RoutingControl::kChosen;
  EXPECT_EQ(put(next).error(), PolicyError::kRoutingFixed);
}

TEST_F(PolicyChange, an_account_of_the_file_is_changed_there) {
  const AccountId file("file");
  ASSERT_TRUE(directory_.reload_account(
      {.name = "File",
       .terms = {.account = file, .default_region = kLondon, .opted_in = {kLondon}},
       .signalling_host = "",
       .keys = {{"filekey", "s", file}}},
      {"reload", ""}, kNow));
  EXPECT_EQ(put(directory_.find_account(file)->policy.terms()).error(),
            PolicyError::kManagedByFile);
  EXPECT_EQ(directory_.create_key(file, random_).error(), PolicyError::kManagedByFile);
  EXPECT_EQ(directory_.revoke_key(file, "filekey").error(), PolicyError::kManagedByFile);
}

// ---- Accounts, keys, reload ---------------------------------------------------------------------

TEST_F(PolicyChange, refuses_accounts_that_exist_or_cannot_be) {
  NewAccount wanted{.id = kDev,
                    .name = "",
                    .default_region = kLondon,
                    .opted_in = {},
                    .preset = "",
                    .signalling_host = ""};
  const auto refused = [&] { return directory_.create_account(wanted, {}, kNow).error(); };
  EXPECT_EQ(refused(), PolicyError::kAlreadyExists);
  wanted.id = AccountId("Dev/..");
  EXPECT_EQ(refused(), PolicyError::kInvalid);
  wanted.id = AccountId("new");
  wanted.default_region = RegionId("mars");
  EXPECT_EQ(refused(), PolicyError::kUnknownRegion);
  wanted.default_region = kLondon;
  wanted.preset = "none";
  EXPECT_EQ(refused(), PolicyError::kUnknownPreset);
  EXPECT_EQ(directory_.find_account(AccountId("new")), nullptr);
}

TEST_F(PolicyChange, keys_are_made_rotated_and_revoked) {
  const auto key = directory_.create_key(kDev, random_);
  ASSERT_TRUE(key);
  EXPECT_GE(key->secret.size(), 32U);
  ASSERT_NE(directory_.find_key(key->key), nullptr);
  const auto rotated = directory_.rotate_key(kDev, key->key, Duration::zero(), random_, kNow);
  ASSERT_TRUE(rotated);
  EXPECT_EQ(rotated->previous_secret, "");
  EXPECT_NE(rotated->secret, key->secret);
  EXPECT_EQ(directory_.find_key(key->key)->secret, rotated->secret);
  EXPECT_EQ(store_.keys()->front(), *rotated);
  const AccountId other = create("other", "", residency::RoutingControl::kChosen);
  EXPECT_EQ(directory_.revoke_key(other, key->key).error(), PolicyError::kUnknownKey);
  EXPECT_TRUE(directory_.revoke_key(kDev, key->key));
  EXPECT_EQ(directory_.find_key(key->key), nullptr);
  EXPECT_TRUE(store_.keys()->empty());
  for (std::size_t i = 0; i < kMaxKeys; ++i) {
    ASSERT_TRUE(directory_.create_key(kDev, random_));
  }
  EXPECT_EQ(directory_.create_key(kDev, random_).error(), PolicyError::kInvalid);
  EXPECT_EQ(directory_.keys_of(kDev).size(), kMaxKeys);
}

TEST_F(PolicyChange, a_rotated_key_s_old_secret_counts_for_the_overlap_and_is_then_forgotten) {
  const auto key = directory_.create_key(kDev, random_);
  ASSERT_TRUE(key);
  const auto rotated = directory_.rotate_key(kDev, key->key, 1h, random_, kNow);
  ASSERT_TRUE(rotated);
  EXPECT_EQ(rotated->previous_secret, key->secret);
  EXPECT_EQ(rotated->previous_until, kNow + 1h);
  EXPECT_EQ(store_.keys()->front(), *rotated);
  directory_.forget_old_secrets(kNow + 59min);
  EXPECT_EQ(directory_.find_key(key->key)->previous_secret, key->secret);
  directory_.forget_old_secrets(kNow + 1h);
  EXPECT_EQ(directory_.find_key(key->key)->previous_secret, "");
  EXPECT_EQ(store_.keys()->front().previous_secret, "");
  EXPECT_EQ(
      directory_.rotate_key(kDev, key->key, std::chrono::days(30), random_, kNow)->previous_until,
      kNow + Directory::kMaxOverlap);
}

TEST_F(PolicyChange, a_version_s_author_can_be_forgotten) {
  auto next = terms();
  next.opted_in.erase(kVirginia);
  ASSERT_TRUE(put(next));
  EXPECT_EQ(directory_.forget_author(kDev, PolicyEpoch(2)), 1U);
  const auto versions = directory_.history(kDev, 10, PolicyEpoch());
  ASSERT_TRUE(versions);
  EXPECT_EQ((*versions)[0].actor, PolicyStore::kForgotten);
  EXPECT_EQ((*versions)[1].actor, "ops") << "somebody else";
  store_.is_broken = true;
  EXPECT_EQ(directory_.forget_author(kDev, PolicyEpoch(1)).error(), PolicyError::kUnavailable);
}

TEST_F(PolicyChange, a_reload_takes_policy_and_keys_and_may_widen) {
  const AccountId file("file");
  FileAccount account{.name = "File",
                      .terms = {.account = file, .default_region = kLondon, .opted_in = {kLondon}},
                      .signalling_host = "",
                      .keys = {{"one", "s", file}}};
  EXPECT_EQ(directory_.reload_account(account, {"reload", ""}, kNow), PolicyEpoch(1));
  EXPECT_EQ(directory_.reload_account(account, {"reload", ""}, kNow), PolicyEpoch(1));
  account.terms.opted_in.insert(kVirginia);
  account.keys = {{"two", "s", file}};
  EXPECT_EQ(directory_.reload_account(account, {"reload", ""}, kNow), PolicyEpoch(2));
  EXPECT_EQ(directory_.find_key("one"), nullptr);
  EXPECT_NE(directory_.find_key("two"), nullptr);
  account.terms.opted_in.insert(RegionId("mars"));  // regions are not reloaded
  EXPECT_EQ(directory_.reload_account(account, {"reload", ""}, kNow).error(),
            PolicyError::kUnknownRegion);
  account.terms.opted_in.erase(RegionId("mars"));
  account.terms.account = kDev;
  EXPECT_EQ(directory_.reload_account(account, {"reload", ""}, kNow).error(),
            PolicyError::kAlreadyExists);
}

}  // namespace
}  // namespace meridian::directory
