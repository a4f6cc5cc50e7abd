// The administration API on a node: what needs its meetings, its changes and its files.
#include <boost/json.hpp>

#include "unit/node/control_fixture.hpp"

namespace meridian::node {
namespace {

using api::AdminResponse;
using signalling::HttpResponse;
using signalling::PendingResponse;

class ControlAdminTest : public ControlTest {
 protected:
  ControlAdminTest() {
    // The accounts of the fixture come from a file; this one is the API's to change.
    const auto created = ask("POST", "/v1/accounts", "operator",
                             R"({"id":"clinic","default_region":"uk-london",)"
                             R"("opted_in":["us-east"],"reason":"test"})");
    EXPECT_EQ(created.status, 201U) << created.body;
    const auto body = boost::json::parse(created.body);
    key_ = body.at("key").at("key").as_string().c_str();
    secret_ = body.at("key").at("secret").as_string().c_str();
  }

  signalling::HttpRequest request(const std::string& method, const std::string& target,
                                  const std::string& token, const std::string& body) {
    signalling::HttpRequest made = get(target);
    made.method = method;
    made.body = body;
    made.headers = {{"Authorization", "Bearer " + token}, {"If-Match", "1"}};
    return made;
  }
  HttpResponse ask(const std::string& method, const std::string& target, const std::string& token,
                   const std::string& body = {}) {
    return http(request(method, target, token, body));
  }
  /// The answer to a call that needs something of `io`.
  PendingResponse ask_later(const std::string& target) {
    const auto answer = control_->handle_http(request("GET", target, "owner", {}), now_);
    EXPECT_TRUE(std::holds_alternative<PendingResponse>(answer));
    return std::get<PendingResponse>(answer);
  }
  void join_clinic(const std::string& identity, const RegionId& at) {
    api::JoinTokenRequest wanted;
    wanted.room = "ward";
    wanted.identity = identity;
    const std::string signed_token = api::join_token(wanted, {key_, secret_, now_.wall});
    const auto opened = control_->open_signalling(
        get("/rtc/v1?access_token=" + signed_token + "&join_request=" + wrapped(join_request()),
            at),
        now_);
    drain();
    ASSERT_TRUE(opened) << opened.error().body;
  }
  static std::string header(const HttpResponse& response, std::string_view name) {
    for (const auto& [key, value] : response.headers) {
      if (key == name) {
        return value;
      }
    }
    return {};
  }
  std::string audit_text() {
    std::string text;
    for (const std::string& line : control_->take_audit_lines()) {
      text += line;
    }
    return text;
  }

  std::string key_;
  std::string secret_;
};

TEST_F(ControlAdminTest, a_created_account_can_hold_meetings) {
  join_clinic("ann", kLondon);
  join_clinic("bob", kVirginia);
  const auto response = ask("GET", "/v1/accounts/clinic/meetings", "owner");
  const auto body = boost::json::parse(response.body);
  const auto& meeting = body.at("meetings").at(0);
  EXPECT_EQ(meeting.at("room"), "ward");
  EXPECT_EQ(meeting.at("participants").as_array().size(), 2U);
  EXPECT_EQ(meeting.at("participants").at(1).at("region"), "us-east");
  EXPECT_EQ(header(response, "Cache-Control"), "no-store");
  EXPECT_EQ(header(response, "Access-Control-Allow-Origin"), "") << "for our own page only";
  const std::string sid(meeting.at("sid").as_string());
  EXPECT_EQ(ask("GET", "/v1/accounts/clinic/meetings/" + sid + "/transit", "owner").status, 200U);
  EXPECT_EQ(ask("GET", "/v1/accounts/clinic/meetings/RM_x/transit", "owner").status, 404U);
  EXPECT_EQ(ask("GET", "/v1/accounts/acme/meetings/" + sid + "/transit", "operator").status, 404U);
}

TEST_F(ControlAdminTest, a_dry_run_says_who_would_move_and_changes_nothing) {
  join_clinic("bob", kVirginia);
  const auto response = ask("PUT", "/v1/accounts/clinic/routing?dry_run=1", "owner",
                            R"({"opted_in":["uk-london"],"reason":"try"})");
  ASSERT_EQ(response.status, 200U) << response.body;
  const auto body = boost::json::parse(response.body);
  EXPECT_EQ(body.at("would_move").at(0).at("from"), "us-east");
  EXPECT_EQ(body.at("would_move").at(0).at("to"), "uk-london");
  EXPECT_EQ(header(ask("GET", "/v1/accounts/clinic/routing", "owner"), "ETag"), "\"1\"");
}

TEST_F(ControlAdminTest, a_change_is_answered_when_the_region_is_dry) {
  join_clinic("bob", kVirginia);
  const auto answer = control_->handle_http(request("PUT", "/v1/accounts/clinic/routing", "owner",
                                                    R"({"opted_in":["uk-london"],"reason":"now"})"),
                                            now_);
  ASSERT_TRUE(std::holds_alternative<PendingResponse>(answer)) << "a worker has to answer first";
  EXPECT_TRUE(control_->take_http_responses().empty());
  std::uint64_t generation = 0;
  for (const auto& [worker, command] : control_->take_commands()) {
    if (const auto* apply = std::get_if<forward::ApplyPolicy>(&command)) {
      generation = apply->snapshot->generation();
    }
  }
  for (const WorkerIndex worker : {WorkerIndex(0), WorkerIndex(1)}) {
    control_->handle_event(worker, forward::PolicyApplied{generation}, now_);
  }
  const auto responses = control_->take_http_responses();
  ASSERT_EQ(responses.size(), 1U);
  EXPECT_EQ(responses[0].first, std::get<PendingResponse>(answer));
  const auto body = boost::json::parse(responses[0].second.body);
  EXPECT_EQ(body.at("epoch"), 2);
  EXPECT_FALSE(body.at("dry_at").is_null());
  EXPECT_EQ(body.at("moved").at(0).at("from"), "us-east");
  EXPECT_EQ(header(responses[0].second, "ETag"), "\"2\"");
  EXPECT_EQ(ask("GET", "/v1/accounts/clinic/routing/changes/2", "owner").status, 200U);
  EXPECT_EQ(ask("GET", "/v1/accounts/clinic/routing/changes/9", "owner").status, 404U);
}

TEST_F(ControlAdminTest, what_stands_in_files_is_asked_for_and_answered_later) {
  const PendingResponse pending = ask_later("/v1/accounts/clinic/audit?after=3");
  const auto queries = control_->take_evidence_queries();
  ASSERT_EQ(queries.size(), 1U);
  EXPECT_EQ(queries[0].first, pending);
  EXPECT_EQ(std::get<api::ReadAudit>(queries[0].second).after, 3U);
  control_->handle_evidence(pending, AdminResponse::json(200, boost::json::object()), now_);
  control_->handle_evidence(pending, AdminResponse::json(200, boost::json::object()), now_);
  const auto responses = control_->take_http_responses();
  ASSERT_EQ(responses.size(), 1U) << "once";
  EXPECT_EQ(responses[0].second.body, "{}");
}

TEST_F(ControlAdminTest, has_a_bound_on_calls_that_wait_for_files) {
  for (int i = 0; i < 64; ++i) {
    (void)ask_later("/v1/accounts/clinic/audit");
  }
  EXPECT_EQ(ask("GET", "/v1/accounts/clinic/audit", "owner").status, 503U);
}

TEST_F(ControlAdminTest, calls_stand_in_the_chain_of_the_account_that_they_are_about) {
  (void)audit_text();
  EXPECT_EQ(ask("GET", "/v1/accounts/clinic/keys", "operator").status, 200U);
  EXPECT_EQ(ask("POST", "/v1/accounts/clinic/keys", "operator").status, 403U);
  EXPECT_EQ(ask("GET", "/v1/me", "x").status, 401U);
  const std::string text = audit_text();
  EXPECT_NE(text.find(R"("account":"clinic","actor":"operator","kind":"admin_action")"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find(R"("reason":"listKeys")"), std::string::npos);
  EXPECT_NE(text.find(R"("status":403)"), std::string::npos);
  EXPECT_EQ(text.find("getMe"), std::string::npos) << "strangers can't fill the log";
}

TEST_F(ControlAdminTest, forgetting_who_made_a_policy_takes_the_name_out_of_the_history_too) {
  const auto answer = control_->handle_http(
      request("DELETE", "/v1/accounts/clinic/people/epoch-1", "owner", ""), now_);
  ASSERT_TRUE(std::holds_alternative<PendingResponse>(answer));
  const PendingResponse pending = std::get<PendingResponse>(answer);
  // The row was deleted when its time was over, so that there is none any more.
  control_->handle_evidence(pending, AdminResponse::error(404, "not_found", ""), now_);
  EXPECT_EQ(control_->take_http_responses().at(0).second.status, 204U);
  const auto history = ask("GET", "/v1/accounts/clinic/routing/history", "owner").body;
  EXPECT_NE(history.find(R"("actor":"erased")"), std::string::npos) << history;
  EXPECT_NE(audit_text().find(R"("kind":"person_erased")"), std::string::npos);
}

TEST_F(ControlAdminTest, reading_again_is_counted_and_changing_is_told_each_time) {
  (void)audit_text();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(ask("GET", "/v1/accounts/clinic/keys", "owner").status, 200U);
    EXPECT_EQ(ask("POST", "/v1/accounts/clinic/keys", "owner").status, 201U);
  }
  const std::string text = audit_text();
  const auto count = [&](std::string_view what) {
    std::size_t found = 0;
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) {
      ++found;
    }
    return found;
  };
  EXPECT_EQ(count(R"("reason":"listKeys")"), 1U);
  EXPECT_EQ(count(R"("reason":"createKey")"), 5U);
  now_.monotonic = now_.monotonic + 61s;
  now_.wall = now_.wall + 61s;
  control_->handle_timeout(now_);
  EXPECT_NE(audit_text().find(R"("count":4)"), std::string::npos) << "how many more there were";
}

TEST_F(ControlAdminTest, regions_are_for_every_page) {
  EXPECT_EQ(header(ask("GET", "/v1/regions", "owner"), "Access-Control-Allow-Origin"), "*");
}

TEST_F(ControlAdminTest, without_a_provider_nothing_is_fetched) {
  EXPECT_FALSE(control_->take_oidc_fetch(now_));
}

}  // namespace
}  // namespace meridian::node
