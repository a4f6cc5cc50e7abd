#include "unit/api/admin_fixture.hpp"

namespace meridian::api {
namespace {

using testing_support::AdminFixture;

class AdminRoutingTest : public AdminFixture {
 protected:
  static constexpr std::string_view kRouting = "/v1/accounts/dev/routing";
  static constexpr std::string_view kToLondon = R"({"opted_in":["uk-london"],"reason":"audit"})";

  std::string put_error(unsigned status, std::string_view body, std::string_view token = "owner") {
    return error(status, "PUT", kRouting, {.token = token, .body = body, .if_match = "\"1\""});
  }
};

TEST_F(AdminRoutingTest, a_policy_has_its_epoch_as_etag) {
  const AdminResponse answer = response("GET", kRouting, {.token = "auditor"});
  EXPECT_EQ(answer.headers.at(0), (std::pair<std::string, std::string>("ETag", "\"1\"")));
  const auto body = boost::json::parse(answer.body);
  EXPECT_EQ(body.at("opted_in").as_array().size(), 3U) << "the default region among them";
  EXPECT_EQ(body.at("actor"), "configuration");
}

TEST_F(AdminRoutingTest, a_change_is_checked_and_handed_to_the_node) {
  const auto change = task<ChangeRouting>(
      "PUT", kRouting, {.token = "admin", .body = kToLondon, .if_match = "\"1\""});
  EXPECT_FALSE(change.is_dry_run);
  EXPECT_EQ(change.request.author.authority, directory::Authority::kAdmin);
  EXPECT_EQ(change.request.terms.account, AccountId("dev"));
  EXPECT_EQ(change.request.expected, PolicyEpoch(1));
  EXPECT_EQ(change.request.author.actor, "admin-dev");
  EXPECT_EQ(change.request.author.reason, "audit");
  EXPECT_EQ(change.request.mode, ChangeMode::kImmediate);
  EXPECT_EQ(change.request.terms.opted_in, residency::RegionSet{kLondon});
  EXPECT_EQ(directory_.find_account(AccountId("dev"))->policy.epoch(), PolicyEpoch(1))
      << "nothing is changed yet";
}

TEST_F(AdminRoutingTest, a_change_may_be_graceful_or_only_tried) {
  const AdminFixture::Ask ask{.body = kToLondon, .if_match = "1"};
  const auto graceful =
      task<ChangeRouting>("PUT", std::string(kRouting) + "?mode=graceful&grace=10s", ask);
  EXPECT_EQ(graceful.request.mode, ChangeMode::kGraceful);
  EXPECT_EQ(graceful.request.grace, Duration(10s));
  EXPECT_EQ(task<ChangeRouting>("PUT", std::string(kRouting) + "?grace=9999", ask).request.grace,
            kMaxGrace);
  EXPECT_TRUE(task<ChangeRouting>("PUT", std::string(kRouting) + "?dry_run=1", ask).is_dry_run);
  for (const char* query :
       {"?mode=later", "?dry_run=yes", "?grace=soon", "?grace=-1s", "?grace="}) {
    EXPECT_EQ(error(400, "PUT", std::string(kRouting) + query, ask), "bad_request") << query;
  }
}

TEST_F(AdminRoutingTest, a_change_says_what_it_was_made_from) {
  EXPECT_EQ(error(428, "PUT", kRouting, {.body = kToLondon}), "precondition_required");
  EXPECT_EQ(error(412, "PUT", kRouting, {.body = kToLondon, .if_match = "\"2\""}), "stale_epoch");
  for (const char* tag : {"*", "W/\"1\"", "\"1", "one", "\"\""}) {
    EXPECT_EQ(error(400, "PUT", kRouting, {.body = kToLondon, .if_match = tag}), "bad_request");
  }
}

TEST_F(AdminRoutingTest, the_default_region_stays) {
  EXPECT_EQ(put_error(409, R"({"opted_in":["us-east"],"reason":"x"})"), "default_region_locked");
  EXPECT_EQ(put_error(409, R"({"default_region":"us-east","reason":"x"})"),
            "default_region_locked");
  EXPECT_EQ(put_error(409, R"({"groups":{"g":["us-east"]},"reason":"x"})"),
            "default_region_locked");
}

TEST_F(AdminRoutingTest, a_level_never_widens) {
  constexpr std::string_view kWide =
      R"({"opted_in":["uk-london"],"rooms":{"weekly":["uk-london","us-east"]},"reason":"x"})";
  EXPECT_EQ(put_error(422, kWide), "override_outside_parent");
  EXPECT_EQ(put_error(422, R"({"opted_in":["uk-london","mars"],"reason":"x"})"), "unknown_region");
}

TEST_F(AdminRoutingTest, the_operator_narrows_only) {
  EXPECT_EQ(task<ChangeRouting>("PUT", kRouting,
                                {.token = "operator", .body = kToLondon, .if_match = "1"})
                .request.author.authority,
            directory::Authority::kOperator);
  ASSERT_TRUE(directory_.change_policy(
      [&] {
        auto terms = directory_.find_account(AccountId("dev"))->policy.terms();
        terms.opted_in = {kLondon};
        return terms;
      }(),
      PolicyEpoch(1), {.actor = "o", .reason = "r", .authority = directory::Authority::kOwner},
      kNow.wall));
  EXPECT_EQ(error(403, "PUT", kRouting,
                  {.token = "operator",
                   .body = R"({"opted_in":["uk-london","us-east"],"reason":"x"})",
                   .if_match = "2"}),
            "operator_cannot_widen");
}

TEST_F(AdminRoutingTest, accounts_of_the_file_are_read_only) {
  EXPECT_EQ(error(409, "PUT", "/v1/accounts/filed/routing",
                  {.token = "other", .body = kToLondon, .if_match = "1"}),
            "managed_by_file");
}

TEST_F(AdminRoutingTest, history_has_every_version) {
  ASSERT_TRUE(directory_.change_policy(
      [&] {
        auto terms = directory_.find_account(AccountId("dev"))->policy.terms();
        terms.opted_in = {kLondon};
        return terms;
      }(),
      PolicyEpoch(1),
      {.actor = "owner-dev", .reason = "why", .authority = directory::Authority::kOwner},
      kNow.wall));
  const auto all = call(200, "GET", std::string(kRouting) + "/history", {});
  ASSERT_EQ(all.at("versions").as_array().size(), 2U);
  EXPECT_EQ(all.at("versions").at(0).at("epoch"), 2);
  EXPECT_EQ(all.at("versions").at(0).at("reason"), "why");
  EXPECT_EQ(all.at("versions").at(1).at("epoch"), 1);
  const auto older = call(200, "GET", std::string(kRouting) + "/history?before=2", {});
  EXPECT_EQ(older.at("versions").as_array().size(), 1U);
  EXPECT_EQ(call(200, "GET", std::string(kRouting) + "/history?limit=1", {})
                .at("versions")
                .as_array()
                .size(),
            1U);
  EXPECT_EQ(error(400, "GET", std::string(kRouting) + "/history?before=x", {}), "bad_request");
}

TEST_F(AdminRoutingTest, what_became_of_a_change_is_asked_of_the_node) {
  EXPECT_EQ(task<FindChange>("GET", std::string(kRouting) + "/changes/3", {}).epoch,
            PolicyEpoch(3));
  EXPECT_EQ(error(400, "GET", std::string(kRouting) + "/changes/x", {}), "bad_request");
}

TEST_F(AdminRoutingTest, explains_where_a_join_would_be) {
  const std::string path = std::string(kRouting) + "/effective";
  const auto here = call(200, "GET", path, {});
  EXPECT_EQ(here.at("decision"), "allowed");
  EXPECT_EQ(here.at("region"), "uk-london");
  EXPECT_TRUE(here.at("reason").is_null());
  EXPECT_EQ(here.at("steps").at(0).at("level"), "account");
  EXPECT_EQ(call(200, "GET", path + "?arrived_at=us-east", {}).at("region"), "us-east");

  const std::string filed = "/v1/accounts/filed/routing/effective";
  const auto denied = call(200, "GET", filed + "?arrived_at=us-east", {.token = "other"});
  EXPECT_EQ(denied.at("decision"), "denied");
  EXPECT_EQ(denied.at("reason"), "region_not_allowed");
  EXPECT_TRUE(denied.at("region").is_null());
  EXPECT_EQ(call(200, "GET", filed + "?region=us-east", {.token = "other"}).at("decision"),
            "denied");
  EXPECT_EQ(error(422, "GET", path + "?arrived_at=mars", {}), "unknown_region");
  EXPECT_EQ(error(422, "GET", path + "?region=mars", {}), "unknown_region");
}

TEST_F(AdminRoutingTest, explains_levels) {
  ASSERT_TRUE(directory_.change_policy(
      [&] {
        auto terms = directory_.find_account(AccountId("dev"))->policy.terms();
        terms.levels.rooms["weekly"] = {kLondon, kFrankfurt};
        return terms;
      }(),
      PolicyEpoch(1), {.actor = "o", .reason = "r", .authority = directory::Authority::kOwner},
      kNow.wall));
  const auto body = call(200, "GET", std::string(kRouting) + "/effective?room=weekly", {});
  EXPECT_EQ(body.at("effective").as_array().size(), 2U);
  EXPECT_EQ(body.at("steps").at(1).at("level"), "room");
}

TEST_F(AdminRoutingTest, dns_has_permitted_regions_only) {
  const auto all = call(200, "GET", "/v1/accounts/dev/dns", {});
  EXPECT_EQ(all.at("name"), "dev.meet.example");
  ASSERT_EQ(all.at("records").as_array().size(), 3U);
  EXPECT_EQ(all.at("records").at(0).at("type"), "ALIAS");
  EXPECT_EQ(all.at("records").at(0).at("value"), "london.meet.example");
  EXPECT_EQ(all.at("records").at(2).at("type"), "A");
  EXPECT_EQ(all.at("records").at(2).at("value"), "192.0.2.7");

  const auto one =
      call(200, "GET", "/v1/accounts/filed/dns?name=meet.clinic.example", {.token = "other"});
  ASSERT_EQ(one.at("records").as_array().size(), 1U);
  EXPECT_EQ(one.at("records").at(0).at("type"), "CNAME");
  EXPECT_EQ(one.at("records").at(0).at("name"), "meet.clinic.example");
  EXPECT_EQ(error(400, "GET", "/v1/accounts/dev/dns?name=a%20b", {}), "bad_request");
}

}  // namespace
}  // namespace meridian::api
