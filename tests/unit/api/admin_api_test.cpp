#include "api/admin_api.hpp"

#include <map>

#include "unit/api/admin_fixture.hpp"
#include "unit/api/token_issuer.hpp"

namespace meridian::api {
namespace {

using testing_support::AdminFixture;
using testing_support::TokenIssuer;

class AdminApiTest : public AdminFixture {};

std::string path_of(const Route& route, std::string_view account) {
  std::string path(route.pattern);
  const std::map<std::string, std::string, std::less<>> values = {
      {"{account}", std::string(account)},
      {"{key}", "devkey"},
      {"{sid}", "RM_1"},
      {"{epoch}", "1"},
      {"{pseudonym}", "PS_1"},
  };
  for (const auto& [name, value] : values) {
    if (const std::size_t at = path.find(name); at != std::string::npos) {
      path.replace(at, name.size(), value);
    }
  }
  return path;
}

unsigned status_of(const AdminResult& result) {
  const auto* response = std::get_if<AdminResponse>(&result.answer);
  return response == nullptr ? 200 : response->status;
}

// The authorization table, through the front door: each route for each kind of caller.
TEST_F(AdminApiTest, lets_each_role_do_what_the_table_says_and_nothing_else) {
  const std::map<std::string_view, Role> tokens = {{"owner", Role::kOwner},
                                                   {"admin", Role::kAdmin},
                                                   {"auditor", Role::kAuditor},
                                                   {"operator", Role::kOperator}};
  for (const Route& route : admin_routes()) {
    for (const auto& [token, role] : tokens) {
      const AdminResult result = handle(route.method, path_of(route, "dev"), {.token = token});
      const unsigned status = status_of(result);
      const bool is_allowed = route.access.is_public() || route.access.allows(role);
      EXPECT_EQ(status == 403, !is_allowed) << route.name << " as " << token << ": " << status;
      EXPECT_NE(status, 401U) << route.name << " as " << token;
      EXPECT_EQ(result.call.route, &route);
      EXPECT_EQ(result.call.principal.has_value(), !route.access.is_public()) << route.name;
    }
  }
}

TEST_F(AdminApiTest, lets_nobody_in_without_a_token_that_counts) {
  for (const Route& route : admin_routes()) {
    for (const std::string_view token : {"", "x", "owner ", "OWNER"}) {
      const AdminResult result = handle(route.method, path_of(route, "dev"), {.token = token});
      EXPECT_EQ(status_of(result) == 401, !route.access.is_public())
          << route.name << " with '" << token << "'";
      EXPECT_FALSE(result.call.principal);
    }
  }
  const AdminResponse refused = response("GET", "/v1/me", {.token = ""});
  EXPECT_EQ(refused.headers.at(0).first, "WWW-Authenticate");
}

TEST_F(AdminApiTest, another_account_looks_like_one_that_does_not_exist) {
  for (const Route& route : admin_routes()) {
    if (!route.pattern.contains("{account}")) {
      continue;
    }
    for (const std::string_view token : {"owner", "admin", "auditor"}) {
      const auto foreign = response(route.method, path_of(route, "filed"), {.token = token});
      const auto missing = response(route.method, path_of(route, "missing"), {.token = token});
      EXPECT_EQ(foreign.status, 404U) << route.name << " as " << token;
      EXPECT_EQ(foreign.body, missing.body);
    }
    EXPECT_EQ(response(route.method, path_of(route, "missing"), {.token = "operator"}).status,
              404U);
  }
}

TEST_F(AdminApiTest, says_what_a_path_takes) {
  EXPECT_EQ(error(404, "GET", "/v1/nothing", {}), "not_found");
  const AdminResponse response_405 = response("DELETE", "/v1/accounts/dev/routing", {});
  EXPECT_EQ(response_405.status, 405U);
  EXPECT_EQ(response_405.headers.at(0).second, "GET, PUT");
}

TEST_F(AdminApiTest, says_who_the_token_is) {
  const auto owner = call(200, "GET", "/v1/me", {});
  EXPECT_EQ(owner.at("name"), "owner-dev");
  EXPECT_EQ(owner.at("role"), "owner");
  EXPECT_EQ(owner.at("account"), "dev");
  EXPECT_EQ(owner.at("signed_in_by"), "static_token");
  EXPECT_TRUE(call(200, "GET", "/v1/me", {.token = "operator"}).at("account").is_null());
}

TEST_F(AdminApiTest, says_how_to_sign_in) {
  const auto development = call(200, "GET", "/v1/sign-in", {.token = ""});
  EXPECT_TRUE(development.at("oidc").is_null());
  EXPECT_EQ(development.at("static_token"), true);
}

TEST_F(AdminApiTest, takes_tokens_of_the_provider_instead) {
  config::Admin admin;
  admin.oidc.emplace();
  admin.oidc->issuer = "https://id.example";
  admin.oidc->client_id = "meridian";
  AdminApi api({.directory = directory_, .random = random_, .admin = admin, .limits = {}});
  const TokenIssuer issuer(SignatureAlgorithm::kEdDsa);
  const auto discovery = api.oidc()->take_fetch(kNow.monotonic);
  ASSERT_TRUE(api.oidc()->handle_fetched(
      discovery->id,
      R"({"issuer":"https://id.example","authorization_endpoint":"https://id.example/a",)"
      R"("token_endpoint":"https://id.example/t","jwks_uri":"https://id.example/k"})",
      kNow.monotonic));
  const auto keys = api.oidc()->take_fetch(kNow.monotonic);
  ASSERT_TRUE(api.oidc()->handle_fetched(keys->id, issuer.key_set(), kNow.monotonic));
  const std::string authorization =
      "Bearer " +
      issuer.token(R"({"iss":"https://id.example","aud":"meridian","sub":"s","exp":1700000100,)"
                   R"("amr":["mfa"],"meridian_role":"auditor","meridian_account":"dev"})");
  const auto ask = [&](std::string_view method, std::string_view target) {
    const auto result = api.handle({.method = method,
                                    .target = target,
                                    .authorization = authorization,
                                    .if_match = {},
                                    .accept = {},
                                    .body = {},
                                    .arrived_at = kLondon},
                                   kNow);
    return std::get<AdminResponse>(result.answer);
  };
  const auto me = boost::json::parse(ask("GET", "/v1/me").body);
  EXPECT_EQ(me.at("signed_in_by"), "oidc");
  EXPECT_EQ(me.at("expires"), "2023-11-14T22:15:00.000Z");
  EXPECT_EQ(ask("PUT", "/v1/accounts/dev/routing").status, 403U);
  EXPECT_EQ(boost::json::parse(ask("GET", "/v1/sign-in").body).at("oidc").at("client_id"),
            "meridian");
}

TEST_F(AdminApiTest, what_is_stored_is_asked_of_the_node) {
  EXPECT_EQ(query<ListReports>("GET", "/v1/accounts/dev/transit-reports?limit=7", {}).limit, 7U);
  const auto report =
      query<ReadReport>("GET", "/v1/accounts/dev/transit-reports/RM_1", {.accept = "text/plain"});
  EXPECT_EQ(report.account, AccountId("dev"));
  EXPECT_EQ(report.sid, "RM_1");
  EXPECT_TRUE(report.as_text);
  const auto audit = query<ReadAudit>("GET", "/v1/accounts/dev/audit?after=12", {});
  EXPECT_EQ(audit.after, 12U);
  EXPECT_EQ(audit.limit, kDefaultPage);
  EXPECT_EQ(query<ExportAudit>("GET", "/v1/accounts/dev/audit/export", {}).account,
            AccountId("dev"));
  (void)query<VerifyAudit>("GET", "/v1/accounts/dev/audit/verification", {});
  EXPECT_EQ(query<ErasePerson>("DELETE", "/v1/accounts/dev/people/PS_1", {}).pseudonym, "PS_1");
  EXPECT_EQ(query<FindPeople>("GET", "/v1/accounts/dev/people?identity=ann%40x", {}).identity,
            "ann@x");
  EXPECT_EQ(query<FindPeople>("GET", "/v1/accounts/dev/people?pseudonym=PA_1", {}).pseudonym,
            "PA_1");
  EXPECT_EQ(error(400, "GET", "/v1/accounts/dev/people", {}), "bad_request");
  EXPECT_EQ(error(400, "GET", "/v1/accounts/dev/people?identity=a&pseudonym=b", {}), "bad_request");
  (void)query<ListAuditKeys>("GET", "/v1/audit/keys", {.token = ""});
  (void)query<ListCheckpoints>("GET", "/v1/audit/checkpoints", {});
  for (const char* target : {"/v1/accounts/dev/audit?limit=0", "/v1/accounts/dev/audit?limit=1001",
                             "/v1/accounts/dev/audit?limit=x", "/v1/accounts/dev/audit?after=-1",
                             "/v1/audit/checkpoints?limit=1e3"}) {
    EXPECT_EQ(error(400, "GET", target, {}), "bad_request") << target;
  }
}

TEST_F(AdminApiTest, meetings_are_asked_of_the_node) {
  EXPECT_EQ(task<ListMeetings>("GET", "/v1/accounts/dev/meetings", {}).account, AccountId("dev"));
  EXPECT_EQ(task<FindMeetingTransit>("GET", "/v1/accounts/dev/meetings/RM_1/transit", {}).sid,
            "RM_1");
}

}  // namespace
}  // namespace meridian::api
