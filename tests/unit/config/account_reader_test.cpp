#include "config/account_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/config/sample.hpp"

namespace meridian::config {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing_support::kSample;
using testing_support::problems_of;
using testing_support::sample_with;
using testing_support::warnings_of;

constexpr std::string_view kSecondAccount = R"(
  - id: b
    name: Second
    default_region: us
    signalling_scope: any
    api_keys: [{key: k2, secret: 0123456789abcdef0123456789abcdef}]
metrics:)";

std::string with_second(std::string_view from, std::string_view to) {
  std::string text = sample_with("\nmetrics:", kSecondAccount);
  return text.replace(text.rfind(from), from.size(), to);
}

TEST(AccountReader, reads_accounts) {
  const auto loaded = parse(with_second("any", "any"), "f");
  ASSERT_TRUE(loaded);
  const auto& accounts = loaded->config.accounts;
  ASSERT_EQ(accounts.size(), 2U);
  EXPECT_EQ(accounts[0].name, "a");
  EXPECT_EQ(accounts[0].opted_in, residency::RegionSet{RegionId("us")});
  EXPECT_EQ(accounts[0].signalling_scope, residency::SignallingScope::kPermittedOnly);
  EXPECT_EQ(accounts[1].name, "Second");
  EXPECT_EQ(accounts[1].signalling_scope, residency::SignallingScope::kAny);
  EXPECT_THAT(accounts[1].opted_in, IsEmpty());
}

TEST(AccountReader, checks_ids_keys_and_words) {
  EXPECT_THAT(problems_of(with_second("id: b", "id: a")),
              ElementsAre(HasSubstr("the account a is defined twice")));
  EXPECT_THAT(problems_of(with_second("key: k2", "key: k")),
              ElementsAre(HasSubstr("the API key k is defined twice")));
  EXPECT_THAT(problems_of(with_second(": any", ": some")),
              ElementsAre(HasSubstr("must be permitted_only or any, is some")));
  EXPECT_THAT(problems_of(with_second("id: b", "id: 'B/../c'")),
              ElementsAre(HasSubstr("must be at most 64 of the characters")));
  EXPECT_THAT(problems_of(sample_with("key: k,", "")),
              ElementsAre("26: accounts[0].api_keys[0].key: is missing"));
}

TEST(AccountReader, needs_a_default_region_that_exists) {
  EXPECT_THAT(problems_of(sample_with("    default_region: uk\n", "")),
              ElementsAre("23: accounts[0].default_region: is missing"));
  EXPECT_THAT(problems_of(sample_with("default_region: uk", "default_region: jp")),
              ElementsAre("24: accounts[0].default_region: there is no region jp"));
}

TEST(AccountReader, warns_of_weak_and_missing_secrets) {
  EXPECT_THAT(warnings_of(sample_with("0123456789abcdef0123456789abcdef", "secret")),
              ElementsAre(HasSubstr("26: accounts[0].api_keys[0].secret: is shorter than 32")));
  EXPECT_THAT(
      warnings_of(sample_with("[{key: k, secret: 0123456789abcdef0123456789abcdef}]", "[]")),
      ElementsAre(HasSubstr("nobody can join")));
  EXPECT_THAT(problems_of(sample_with("0123456789abcdef", std::string(2000, 'x'))),
              Contains(HasSubstr("is longer than 1024 characters")));
}

TEST(AccountReader, never_prints_a_secret) {
  const std::string secret = "correct horse battery staple correct horse";
  std::string text = sample_with("0123456789abcdef0123456789abcdef}", secret + ", sceret: x}");
  for (const std::string& problem : problems_of(text)) {
    EXPECT_THAT(problem, testing::Not(HasSubstr("horse")));
  }
  EXPECT_FALSE(problems_of(text).empty());
}

constexpr std::string_view kRouting = R"(
    guest_mode: strict
    evidence: required
    locked: [evidence]
    groups: {ward: [uk]}
    users: {ann: {group: ward, regions: [uk]}, bob: {}}
    rooms: {board: [uk, us]}
    signalling_host: a.example
    opted_in: [us])";

TEST(AccountReader, reads_levels_and_locks) {
  const auto loaded = parse(sample_with("\n    opted_in: [us]", kRouting), "f");
  ASSERT_TRUE(loaded);
  const Account& account = loaded->config.accounts[0];
  const RegionId uk("uk");
  EXPECT_EQ(account.guest_mode, residency::GuestMode::kStrict);
  EXPECT_EQ(account.evidence, residency::Evidence::kRequired);
  EXPECT_EQ(account.locked, std::set{residency::Setting::kEvidence});
  EXPECT_EQ(account.levels.groups.at("ward"), residency::RegionSet{uk});
  EXPECT_EQ(account.levels.users.at("ann").group, "ward");
  EXPECT_EQ(account.levels.users.at("ann").regions, residency::RegionSet{uk});
  EXPECT_FALSE(account.levels.users.at("bob").regions);
  EXPECT_EQ(account.levels.rooms.at("board").size(), 2U);
  EXPECT_EQ(account.signalling_host, "a.example");
}

TEST(AccountReader, a_level_outside_its_parent_is_a_mistake) {
  EXPECT_THAT(problems_of(sample_with("opted_in: [us]", "rooms: {board: [uk, us]}")),
              ElementsAre(HasSubstr("the room setting of board allows region us")));
  EXPECT_THAT(problems_of(sample_with("opted_in: [us]", "opted_in: [us]\n    groups: {g: [us]}")),
              ElementsAre(HasSubstr("leaves out the default region uk")));
}

TEST(AccountReader, presets_and_plans_bound_what_an_account_says) {
  const std::string presets = "presets: {p: {regions: default_only}}\n";
  EXPECT_THAT(problems_of(presets + sample_with("opted_in: [us]", "opted_in: [us]\n    preset: p")),
              ElementsAre(HasSubstr("region us is not for an account with its preset p")));
  EXPECT_THAT(problems_of(sample_with("opted_in: [us]", "preset: none")),
              ElementsAre(HasSubstr("there is no preset none")));
  EXPECT_THAT(
      problems_of(sample_with("opted_in: [us]", "opted_in: [us]\n    routing_control: fixed")),
      ElementsAre(HasSubstr("region us is not for an account with its plan")));
  const auto loaded = parse(presets + sample_with("opted_in: [us]", "preset: p"), "f");
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->config.accounts[0].terms(loaded->config.presets, loaded->config.regions).preset,
            "p");
}

}  // namespace
}  // namespace meridian::config
