#include "directory/startup.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "directory/memory_policy_store.hpp"

namespace meridian::directory {
namespace {

using residency::RegionSet;

const RegionId kUk("uk");
const RegionId kEu("eu");
const RegionId kUs("us");
const AccountId kDev("dev");
const AccountId kShop("shop");

// A node that is started again and again on the same data folder.
class StartupTest : public testing::Test {
 protected:
  StartupTest() {
    from_.contents.regions = {
        {kUk, "", {"uk"}, {}, ""}, {kEu, "", {"eu"}, {}, ""}, {kUs, "", {"us"}, {}, ""}};
    from_.accounts = {{"Development", terms(kDev, {kUk, kEu, kUs}), "", {{"k", "s", kDev}}}};
    from_.now = UnixTime::from_seconds(10);
  }
  static residency::AccountPolicy::Terms terms(const AccountId& account, RegionSet opted_in) {
    return {.account = account, .default_region = kUk, .opted_in = std::move(opted_in)};
  }
  /// Starts, and writes what that makes to store and audit log.
  base::Expected<Start, std::vector<StartRefusal>> start_node() {
    auto started = start(from_, store_);
    if (started) {
      for (const NewVersion& made : started->versions) {
        EXPECT_TRUE(store_.append(made.account, made.version));
      }
      for (const Account& account : started->contents.accounts) {
        from_.recorded[account.id()] = {account.policy.epoch(), account.policy.digest()};
      }
    }
    return started;
  }
  /// What a running node does with its store.
  void change(const AccountId& account, RegionSet opted_in) {
    const auto last = store_.versions(account, 1, {}).value();
    const residency::AccountPolicy policy(terms(account, std::move(opted_in)),
                                          PolicyEpoch(last.front().policy.epoch().value() + 1));
    ASSERT_TRUE(
        store_.append({account, "", ManagedBy::kStore, ""}, {policy, "ann", "", from_.now}));
    from_.recorded[account] = {policy.epoch(), policy.digest()};
  }
  void confirm_and_record(const AccountId& account) {
    const auto confirmed = confirm(from_, store_, account, {"operator", "moved the data"});
    ASSERT_TRUE(confirmed) << confirmed.error().message;
    ASSERT_TRUE(store_.append(confirmed->account, confirmed->version));
    from_.recorded[account] = {confirmed->version.policy.epoch(),
                               confirmed->version.policy.digest()};
  }

  StartingPoint from_;
  MemoryPolicyStore store_;
};

TEST_F(StartupTest, the_first_start_puts_the_configuration_on_record) {
  const auto started = start_node();
  ASSERT_TRUE(started);
  ASSERT_EQ(started->contents.accounts.size(), 1U);
  const Account& account = started->contents.accounts[0];
  EXPECT_EQ(account.policy.epoch(), PolicyEpoch(1));
  EXPECT_EQ(account.managed_by, ManagedBy::kFile);
  EXPECT_EQ(account.actor, "configuration");
  EXPECT_EQ(started->contents.keys.size(), 1U);
  EXPECT_EQ(started->versions.size(), 1U);
}

TEST_F(StartupTest, the_same_again_changes_nothing) {
  ASSERT_TRUE(start_node());
  const auto again = start_node();
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->versions.empty());
  EXPECT_EQ(again->contents.accounts[0].policy.epoch(), PolicyEpoch(1));
}

TEST_F(StartupTest, a_narrower_configuration_is_the_next_version) {
  ASSERT_TRUE(start_node());
  from_.accounts[0].terms.opted_in.erase(kUs);
  const auto again = start_node();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->contents.accounts[0].policy.epoch(), PolicyEpoch(2));
  EXPECT_EQ(again->contents.accounts[0].policy.effective(), (RegionSet{kUk, kEu}));
}

TEST_F(StartupTest, a_wider_configuration_is_refused_until_it_is_confirmed) {
  from_.accounts[0].terms.opted_in = {kUk};
  ASSERT_TRUE(start_node());
  from_.accounts[0].terms.opted_in = {kUk, kUs};
  const auto refused = start_node();
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error()[0].is_confirmable);
  EXPECT_THAT(refused.error()[0].message,
              testing::HasSubstr("account dev: the configuration permits more"));
  confirm_and_record(kDev);
  const auto started = start_node();
  ASSERT_TRUE(started);
  EXPECT_EQ(started->contents.accounts[0].policy.epoch(), PolicyEpoch(2));
  EXPECT_EQ(started->contents.accounts[0].actor, "operator");
}

TEST_F(StartupTest, an_opt_out_of_a_stored_account_outlives_the_process) {
  ASSERT_TRUE(store_.append(
      {kShop, "Shop", ManagedBy::kStore, "shop.example"},
      {residency::AccountPolicy(terms(kShop, {kUk, kUs}), PolicyEpoch(1)), "ann", "", UnixTime{}}));
  ASSERT_TRUE(store_.put_key({"shopkey", "s", kShop}));
  ASSERT_TRUE(start_node());
  change(kShop, {kUk});
  const auto started = start_node();
  ASSERT_TRUE(started);
  ASSERT_EQ(started->contents.accounts.size(), 2U);
  const Account& shop = started->contents.accounts[1];
  EXPECT_EQ(shop.policy.effective(), RegionSet{kUk});
  EXPECT_EQ(shop.policy.epoch(), PolicyEpoch(2));
  EXPECT_EQ(shop.managed_by, ManagedBy::kStore);
  EXPECT_EQ(shop.actor, "ann");
  EXPECT_EQ(started->contents.keys.size(), 2U);
}

TEST_F(StartupTest, a_store_older_than_the_audit_log_is_refused_until_it_is_confirmed) {
  ASSERT_TRUE(start_node());
  from_.recorded[kDev] = {PolicyEpoch(5), {}};
  const auto refused = start_node();
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error()[0].is_confirmable);
  EXPECT_THAT(refused.error()[0].message, testing::HasSubstr("older than the log"));
  confirm_and_record(kDev);
  const auto started = start_node();
  ASSERT_TRUE(started);
  EXPECT_EQ(started->contents.accounts[0].policy.epoch(), PolicyEpoch(6));
}

TEST_F(StartupTest, a_store_that_is_gone_is_refused_when_the_audit_log_knows_better) {
  from_.recorded[kDev] = {PolicyEpoch(3), {}};
  EXPECT_FALSE(start_node());
}

TEST_F(StartupTest, a_log_from_before_there_was_a_store_is_continued) {
  const std::string text = R"({"account":"dev","default_region":"uk","opted_in":["eu","uk","us"],)"
                           R"("signalling_scope":"permitted_only","v":1})";
  from_.recorded[kDev] = {PolicyEpoch(1), audit::sha256({as_bytes(text)})};
  const StartingPoint before = from_;
  const auto started = start_node();
  ASSERT_TRUE(started);
  EXPECT_EQ(started->contents.accounts[0].policy.epoch(), PolicyEpoch(2));
  EXPECT_TRUE(start_node());
  // Not with other terms than it had.
  StartingPoint wider = before;
  wider.accounts[0].terms.opted_in.insert(RegionId("jp"));
  EXPECT_FALSE(start(wider, MemoryPolicyStore()));
}

TEST_F(StartupTest, a_policy_that_is_not_the_recorded_one_is_refused) {
  ASSERT_TRUE(start_node());
  from_.recorded[kDev].digest.bytes[0] ^= 1U;
  EXPECT_FALSE(start_node());
}

TEST_F(StartupTest, an_account_is_in_the_file_or_in_the_store_and_never_in_both) {
  ASSERT_TRUE(store_.append(
      {kDev, "", ManagedBy::kStore, ""},
      {residency::AccountPolicy(terms(kDev, {kUk}), PolicyEpoch(1)), "ann", "", UnixTime{}}));
  const auto refused = start_node();
  ASSERT_FALSE(refused);
  EXPECT_FALSE(refused.error()[0].is_confirmable);
  EXPECT_FALSE(confirm(from_, store_, kDev, {}));
}

TEST_F(StartupTest, an_account_that_left_the_file_is_served_no_more_but_stays_on_record) {
  ASSERT_TRUE(start_node());
  const FileAccount dev = from_.accounts[0];
  from_.accounts.clear();
  const auto without = start_node();
  ASSERT_TRUE(without);
  EXPECT_TRUE(without->contents.accounts.empty());
  from_.accounts = {dev};
  from_.accounts[0].terms.opted_in.insert(RegionId("jp"));
  EXPECT_FALSE(start_node());
}

TEST_F(StartupTest, a_preset_that_got_tighter_holds_for_stored_accounts_from_the_next_start) {
  residency::AccountPolicy::Terms before = terms(kShop, {kUk, kUs});
  before.preset = "p";
  ASSERT_TRUE(store_.append({kShop, "", ManagedBy::kStore, ""},
                            {residency::AccountPolicy(before, PolicyEpoch(1)), "ann", "", {}}));
  const auto refused = start_node();
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error()[0].message, testing::HasSubstr("preset p"));
  from_.contents.presets = {{.name = "p", .jurisdictions = {"uk"}, .locked = {}}};
  const auto started = start_node();
  ASSERT_TRUE(started);
  EXPECT_EQ(started->contents.accounts[1].policy.effective(), RegionSet{kUk});
  EXPECT_EQ(started->contents.accounts[1].policy.epoch(), PolicyEpoch(2));
}

TEST_F(StartupTest, an_api_key_belongs_to_one_account) {
  ASSERT_TRUE(store_.append(
      {kShop, "", ManagedBy::kStore, ""},
      {residency::AccountPolicy(terms(kShop, {kUk}), PolicyEpoch(1)), "ann", "", {}}));
  ASSERT_TRUE(store_.put_key({"k", "other", kShop}));
  EXPECT_FALSE(start_node());
}

TEST_F(StartupTest, confirming_needs_an_account) {
  EXPECT_EQ(confirm(from_, store_, kShop, {}).error().message, "there is no account shop");
}

}  // namespace
}  // namespace meridian::directory
