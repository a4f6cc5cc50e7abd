#include <gmock/gmock.h>

#include "unit/api/admin_fixture.hpp"

namespace meridian::api {
namespace {

using testing::ElementsAre;
using testing_support::AdminFixture;

class AdminAccountsTest : public AdminFixture {
 protected:
  std::vector<std::string> ids(const boost::json::value& body, std::string_view list) {
    std::vector<std::string> result;
    for (const auto& entry : body.as_object().at({list.data(), list.size()}).as_array()) {
      result.emplace_back(entry.at("id").as_string());
    }
    return result;
  }
  std::string participant_token(std::string_view key, std::string_view secret) {
    JoinTokenRequest request;
    request.room = "weekly";
    request.identity = "ann";
    return join_token(request, {key, secret, kNow.wall});
  }
};

TEST_F(AdminAccountsTest, a_participant_sees_the_regions_of_its_account_nearest_first) {
  const std::string dev = participant_token("devkey", "secret");
  const auto body = call(200, "GET", "/v1/regions", {.token = dev});
  EXPECT_THAT(ids(body, "regions"), ElementsAre("uk-london", "eu-frankfurt", "us-east"));
  EXPECT_FALSE(body.at("regions").at(0).as_object().contains("opted_in"));
  EXPECT_EQ(body.at("regions").at(0).at("url"), "wss://london.meet.example");
  const std::string filed = participant_token("filedkey", "filedsecret");
  EXPECT_THAT(ids(call(200, "GET", "/v1/regions", {.token = filed}), "regions"),
              ElementsAre("uk-london"));
}

TEST_F(AdminAccountsTest, regions_are_sorted_from_where_the_caller_is) {
  const std::string dev = participant_token("devkey", "secret");
  EXPECT_THAT(
      ids(call(200, "GET", "/v1/regions?latitude=40.7&longitude=-74", {.token = dev}), "regions"),
      ElementsAre("us-east", "uk-london", "eu-frankfurt"));
  for (const char* query :
       {"?latitude=91&longitude=0", "?latitude=1", "?longitude=1", "?latitude=x&longitude=1",
        "?latitude=&longitude=", "?latitude=nan&longitude=0"}) {
    EXPECT_EQ(error(400, "GET", std::string("/v1/regions") + query, {.token = dev}), "bad_request");
  }
}

TEST_F(AdminAccountsTest, a_participants_token_opens_nothing_else) {
  const std::string dev = participant_token("devkey", "secret");
  EXPECT_EQ(error(401, "GET", "/v1/me", {.token = dev}), "unauthorized");
  EXPECT_EQ(error(401, "GET", "/v1/accounts/dev/routing", {.token = dev}), "unauthorized");
  EXPECT_EQ(error(401, "GET", "/v1/regions", {.token = "x"}), "unauthorized");
}

TEST_F(AdminAccountsTest, administrators_see_what_their_account_may_choose) {
  const auto body = call(200, "GET", "/v1/regions", {.token = "other"});
  EXPECT_THAT(ids(body, "regions"), ElementsAre("uk-london", "eu-frankfurt", "us-east"));
  EXPECT_EQ(body.at("regions").at(0).at("is_default"), true);
  EXPECT_EQ(body.at("regions").at(0).at("opted_in"), true);
  EXPECT_EQ(body.at("regions").at(1).at("opted_in"), false);
}

TEST_F(AdminAccountsTest, lists_the_own_account_and_all_for_the_operator) {
  EXPECT_THAT(ids(call(200, "GET", "/v1/accounts", {}), "accounts"), ElementsAre("dev"));
  EXPECT_THAT(ids(call(200, "GET", "/v1/accounts", {.token = "operator"}), "accounts"),
              ElementsAre("dev", "filed"));
  const auto account = call(200, "GET", "/v1/accounts/dev", {});
  EXPECT_EQ(account.at("managed_by"), "store");
  EXPECT_EQ(account.at("epoch"), 1);
}

TEST_F(AdminAccountsTest, the_operator_provisions_an_account_with_a_key) {
  const AdminResult result = handle(
      "POST", "/v1/accounts",
      {.token = "operator",
       .body = R"({"id":"clinic","default_region":"eu-frankfurt","opted_in":["uk-london"]})"});
  EXPECT_TRUE(result.has_new_policy);
  EXPECT_EQ(result.call.account, AccountId("clinic"));
  const auto& response = std::get<AdminResponse>(result.answer);
  ASSERT_EQ(response.status, 201U) << response.body;
  const auto body = boost::json::parse(response.body);
  EXPECT_EQ(body.at("account").at("default_region"), "eu-frankfurt");
  EXPECT_GE(body.at("key").at("secret").as_string().size(), 32U);
  const std::string key(body.at("key").at("key").as_string());
  ASSERT_NE(directory_.find_key(key), nullptr);
  EXPECT_EQ(directory_.find_key(key)->account, AccountId("clinic"));
  EXPECT_EQ(error(409, "POST", "/v1/accounts",
                  {.token = "operator", .body = R"({"id":"clinic","default_region":"uk-london"})"}),
            "already_exists");
}

TEST_F(AdminAccountsTest, an_account_that_makes_no_sense_is_refused) {
  const auto refused = [&](unsigned status, std::string_view body) {
    return error(status, "POST", "/v1/accounts", {.token = "operator", .body = body});
  };
  for (const char* body :
       {"", "[]", "{}", R"({"id":"a"})", R"({"id":7,"default_region":"uk-london"})",
        R"({"id":"a","default_region":"uk-london","opted_in":"us-east"})",
        R"({"id":"a","default_region":"uk-london","opted_in":[1]})",
        R"({"id":"a","default_region":"uk-london","optedin":[]})",
        R"({"id":"a","default_region":"uk-london","routing_control":"free"})"}) {
    EXPECT_EQ(refused(400, body), "bad_request") << body;
  }
  EXPECT_EQ(refused(422, R"({"id":"a","default_region":"mars"})"), "unknown_region");
  EXPECT_EQ(refused(422, R"({"id":"a","default_region":"uk-london","preset":"none-such"})"),
            "unknown_preset");
}

TEST_F(AdminAccountsTest, keys_show_their_secret_once) {
  const auto created = call(201, "POST", "/v1/accounts/dev/keys", {});
  const std::string key(created.at("key").as_string());
  const std::string secret(created.at("secret").as_string());
  EXPECT_GE(secret.size(), 32U);
  const auto listed = call(200, "GET", "/v1/accounts/dev/keys", {.token = "auditor"});
  ASSERT_EQ(listed.at("keys").as_array().size(), 2U);
  EXPECT_EQ(boost::json::serialize(listed).find(secret), std::string::npos);

  const auto rotated = call(200, "POST", "/v1/accounts/dev/keys/" + key + "/rotate", {});
  EXPECT_EQ(rotated.at("key"), created.at("key"));
  EXPECT_NE(rotated.at("secret"), created.at("secret"));
  EXPECT_EQ(directory_.find_key(key)->secret, std::string(rotated.at("secret").as_string()));

  EXPECT_EQ(response("DELETE", "/v1/accounts/dev/keys/" + key, {.token = "operator"}).status, 204U);
  EXPECT_EQ(directory_.find_key(key), nullptr);
  EXPECT_EQ(error(404, "DELETE", "/v1/accounts/dev/keys/" + key, {}), "not_found");
  EXPECT_EQ(error(404, "POST", "/v1/accounts/dev/keys/filedkey/rotate", {}), "not_found")
      << "another account's";
}

TEST_F(AdminAccountsTest, accounts_of_the_file_are_read_only) {
  EXPECT_EQ(error(409, "POST", "/v1/accounts/filed/keys", {.token = "other"}), "managed_by_file");
  EXPECT_EQ(error(409, "DELETE", "/v1/accounts/filed/keys/filedkey", {.token = "operator"}),
            "managed_by_file");
}

}  // namespace
}  // namespace meridian::api
