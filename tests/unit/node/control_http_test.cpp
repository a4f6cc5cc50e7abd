#include <boost/json.hpp>

#include "unit/node/control_fixture.hpp"

namespace meridian::node {
namespace {

using signalling::HttpRequest;
using signalling::HttpResponse;

class ControlHttpTest : public ControlTest {
 protected:
  HttpResponse ask(const std::string& target, const std::string& token,
                   const RegionId& at = kLondon) {
    HttpRequest request = get(target, at);
    request.headers = {{"Authorization", "Bearer " + token}};
    return http(request);
  }
};

TEST_F(ControlHttpTest, opens_everything_to_pages_elsewhere) {
  for (const auto* path : {"/", "/healthz", "/rtc/v1/validate", "/nowhere", "/settings/regions"}) {
    EXPECT_EQ(header(http(get(path)), "Access-Control-Allow-Origin"), "*") << path;
  }
  HttpRequest options = get("/rtc/v1/validate");
  options.method = "OPTIONS";
  EXPECT_EQ(http(options).status, 204U);
}

TEST_F(ControlHttpTest, answers_health_and_unknown_paths) {
  EXPECT_EQ(http(get("/")).body, "OK");
  EXPECT_EQ(http(get("//healthz")).status, 200U);
  EXPECT_EQ(http(get("/readyz")).status, 200U);
  EXPECT_EQ(http(get("/twirp/x")).status, 404U);
  EXPECT_EQ(http(get("/rtc/v1")).status, 426U);
  HttpRequest post = get("/healthz");
  post.method = "POST";
  EXPECT_EQ(http(post).status, 405U);
}

TEST_F(ControlHttpTest, validates_as_the_upgrade_would) {
  const std::string good = "?access_token=" + token("acme", "standup", "alice") +
                           "&join_request=" + wrapped(join_request());
  EXPECT_EQ(http(get("/rtc/v1/validate" + good)).body, "success");
  EXPECT_EQ(http(get("/rtc/v1/validate")).status, 401U);
  // Browsers can ask only here why a join was refused, whichever path they joined by.
  EXPECT_EQ(http(get("/rtc/validate?access_token=" + token("acme", "standup", "alice"))).body,
            "success");
  const std::string uk = "?access_token=" + token("uk-only", "standup", "alice");
  (void)control_->take_audit_lines();
  const HttpResponse refused = http(get("/rtc/v1/validate" + uk, kVirginia));
  EXPECT_EQ(refused.status, 403U);
  EXPECT_EQ(boost::json::parse(refused.body).at("reason"), "region_not_allowed");
  EXPECT_TRUE(control_->take_audit_lines().empty()) << "nothing is granted";
  EXPECT_EQ(control_->counters().rooms_now, 0U);
}

TEST_F(ControlHttpTest, tells_an_account_only_its_own_regions) {
  const auto of = [&](const std::string& account) {
    return boost::json::parse(ask("/settings/regions", token(account, "r", "a")).body)
        .at("regions")
        .as_array()
        .size();
  };
  EXPECT_EQ(of("acme"), 2U);
  EXPECT_EQ(of("uk-only"), 1U);
  EXPECT_EQ(http(get("/settings/regions")).status, 401U);
}

TEST_F(ControlHttpTest, tells_where_a_meeting_may_be_and_who_serves_it) {
  const auto body = boost::json::parse(
      ask("/meridian/v1/meeting?region=us-east", token("acme", "standup", "alice")).body);
  EXPECT_EQ(body.at("serving").at("region"), "us-east");
  EXPECT_EQ(body.at("serving").at("name"), "Virginia");
  EXPECT_EQ(body.at("permitted").as_array().size(), 2U);
  join({});
  const auto present = boost::json::parse(
      ask("/meridian/v1/meeting?region=us-east", token("acme", "standup", "alice")).body);
  EXPECT_EQ(present.at("serving").at("region"), "uk-london") << "where alice is";
}

TEST_F(ControlHttpTest, refuses_meetings_in_json) {
  const HttpResponse unknown = http(get("/meridian/v1/meeting"));
  EXPECT_EQ(unknown.status, 401U);
  EXPECT_FALSE(boost::json::parse(unknown.body).at("message").as_string().empty());
  const HttpResponse refused =
      ask("/meridian/v1/meeting", token("uk-only", "standup", "alice"), kVirginia);
  EXPECT_EQ(refused.status, 403U);
  EXPECT_EQ(boost::json::parse(refused.body).at("error"), "region_not_allowed");
}

TEST_F(ControlHttpTest, makes_development_tokens_that_join) {
  HttpRequest request = get("/meridian/v1/token?account=uk-only");
  request.method = "POST";
  request.body = R"({"room_name":"standup","participant_name":"Zoe"})";
  const HttpResponse response = http(request);
  ASSERT_EQ(response.status, 200U) << response.body;
  const auto body = boost::json::parse(response.body);
  const std::string made(body.at("participant_token").as_string());
  EXPECT_EQ(http(get("/rtc/v1/validate?access_token=" + made)).body, "success");
  request.target = "/meridian/v1/token?account=nobody";
  EXPECT_EQ(http(request).status, 404U);
  request.method = "GET";
  EXPECT_EQ(http(request).status, 405U);
}

TEST_F(ControlHttpTest, health_names_the_configuration_and_readiness_what_is_missing) {
  EXPECT_TRUE(http(get("/healthz")).body.contains(R"("config_digest":"000000)"));
  EXPECT_EQ(http(get("/readyz")).status, 200U);
  control_->set_evidence(EvidenceState::kWaiting);
  EXPECT_EQ(http(get("/healthz")).status, 200U);
  EXPECT_EQ(http(get("/readyz")).status, 503U);
  control_->set_evidence(EvidenceState::kWritten);
  EXPECT_EQ(http(get("/readyz")).status, 200U);
}

}  // namespace
}  // namespace meridian::node
