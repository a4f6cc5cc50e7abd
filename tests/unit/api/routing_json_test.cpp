#include "api/routing_json.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace meridian::api {
namespace {

namespace json = boost::json;
using residency::RegionSet;

const RegionId kLondon("uk-london");
const RegionId kVirginia("us-east");

residency::AccountPolicy::Terms terms() {
  residency::AccountPolicy::Terms terms;
  terms.account = AccountId("dev");
  terms.default_region = kLondon;
  terms.opted_in = {kLondon, kVirginia};
  terms.locked = {residency::Setting::kEvidence};
  terms.levels.groups["clinic"] = {kLondon};
  terms.levels.users["ann"] = {.group = "clinic", .regions = RegionSet{kLondon}};
  terms.levels.users["bob"] = {.group = {}, .regions = std::nullopt};
  terms.levels.rooms["weekly \"x\""] = {kLondon};
  return terms;
}

std::string document() {
  return json::serialize(routing_document(
      directory::PolicyVersion{.policy = residency::AccountPolicy(terms(), PolicyEpoch(3)),
                               .actor = "owner-dev",
                               .reason = "because",
                               .time = UnixTime::from_milliseconds(1'700'000'000'042)}));
}

BodyError fault(std::string_view body) {
  const auto update = parse_routing_change(body, terms());
  EXPECT_FALSE(update) << body;
  return update ? BodyError{0, "", ""} : update.error();
}

TEST(RoutingJson, has_every_part_of_a_policy) {
  const json::value body = json::parse(document());
  EXPECT_EQ(body.at("account"), "dev");
  EXPECT_EQ(body.at("epoch"), 3);
  EXPECT_EQ(body.at("digest").as_string().size(), 64U);
  EXPECT_EQ(body.at("default_region"), "uk-london");
  EXPECT_EQ(body.at("opted_in"), (json::array{"uk-london", "us-east"}));
  EXPECT_EQ(body.at("signalling_scope"), "permitted_only");
  EXPECT_EQ(body.at("guest_mode"), "host_governs");
  EXPECT_EQ(body.at("evidence"), "best_effort");
  EXPECT_EQ(body.at("routing_control"), "chosen");
  EXPECT_TRUE(body.at("preset").is_null());
  EXPECT_EQ(body.at("locked"), json::array{"evidence"});
  EXPECT_EQ(body.at("groups").at("clinic"), json::array{"uk-london"});
  EXPECT_EQ(body.at("users").at("ann").at("group"), "clinic");
  EXPECT_EQ(body.at("users").at("bob"), json::object());
  EXPECT_EQ(body.at("actor"), "owner-dev");
  EXPECT_EQ(body.at("reason"), "because");
  EXPECT_EQ(body.at("time"), "2023-11-14T22:13:20.042Z");
}

TEST(RoutingJson, what_was_got_can_be_put_back) {
  const auto update = parse_routing_change(document(), terms());
  ASSERT_TRUE(update) << update.error().message;
  EXPECT_EQ(update->terms, terms());
  EXPECT_EQ(update->reason, "because");
}

TEST(RoutingJson, what_is_left_out_stays_and_a_level_is_replaced_whole) {
  const auto update = parse_routing_change(
      R"({"guest_mode":"strict","locked":[],"users":{},"reason":"r"})", terms());
  ASSERT_TRUE(update);
  auto expected = terms();
  expected.guest_mode = residency::GuestMode::kStrict;
  expected.locked.clear();
  expected.levels.users.clear();
  EXPECT_EQ(update->terms, expected);
}

TEST(RoutingJson, a_change_needs_a_reason) {
  EXPECT_EQ(fault("{}").status, 400U);
  EXPECT_EQ(fault(R"({"reason":""})").status, 400U);
  EXPECT_EQ(fault(R"({"reason":")" + std::string(257, 'x') + "\"}").status, 400U);
}

TEST(RoutingJson, what_cannot_be_changed_may_be_there_unchanged_only) {
  EXPECT_EQ(fault(R"({"default_region":"us-east","reason":"r"})").error, "default_region_locked");
  for (const char* body :
       {R"({"account":"other","reason":"r"})", R"({"preset":"health","reason":"r"})",
        R"({"routing_control":"fixed","reason":"r"})", R"({"surprise":1,"reason":"r"})"}) {
    EXPECT_EQ(fault(body).error, "bad_request") << body;
  }
}

TEST(RoutingJson, members_of_the_wrong_kind_are_refused) {
  for (const char* member :
       {R"("opted_in":"us-east")", R"("opted_in":[1])", R"("signalling_scope":"some")",
        R"("guest_mode":1)", R"("evidence":null)", R"("locked":["x"])", R"("locked":{})",
        R"("groups":[])", R"("groups":{"a":1})", R"("rooms":{"a":[{}]})", R"("users":{"a":[]})",
        R"("users":{"a":{"group":1}})", R"("users":{"a":{"regions":1}})",
        R"("users":{"a":{"color":"red"}})"}) {
    EXPECT_EQ(fault("{" + std::string(member) + R"(,"reason":"r"})").status, 400U) << member;
  }
  EXPECT_EQ(fault("").status, 400U);
  EXPECT_EQ(fault("[]").status, 400U);
}

}  // namespace
}  // namespace meridian::api
