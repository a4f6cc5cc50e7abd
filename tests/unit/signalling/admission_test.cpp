#include "signalling/admission.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "api/base64url.hpp"
#include "unit/api/directory_fixture.hpp"

namespace meridian::signalling {
namespace {

using api::testing_support::kLondon;
using api::testing_support::kVirginia;
constexpr UnixTime kNow = UnixTime::from_seconds(1'700'000'000);

class AdmissionTest : public testing::Test {
 protected:
  static std::string token(const std::string& room = "demo") {
    return api::join_token({.room = room,
                            .identity = "alice",
                            .name = "Alice",
                            .metadata = {},
                            .attributes = {},
                            .room_config = {}},
                           {"devkey", "secret", kNow});
  }
  static std::string join_parameter() {
    livekit::JoinRequest request;
    request.mutable_client_info()->set_protocol(17);
    livekit::WrappedJoinRequest wrapped;
    wrapped.set_join_request(request.SerializeAsString());
    return api::base64url_encode(as_bytes(wrapped.SerializeAsString()));
  }
  static HttpRequest get(std::string target) {
    HttpRequest request;
    request.method = "GET";
    request.target = std::move(target);
    return request;
  }
  auto read(const HttpRequest& request) { return read_join(request, limits_, directory_, kNow); }

  directory::MemoryDirectory directory_ = api::testing_support::make_directory();
  config::Limits limits_;
};

TEST_F(AdmissionTest, knows_its_paths) {
  EXPECT_TRUE(is_upgrade_path("/rtc/v1"));
  EXPECT_TRUE(is_upgrade_path("/rtc"));
  EXPECT_FALSE(is_upgrade_path("/rtc/v1/validate"));
  EXPECT_TRUE(is_validate_path("/rtc/v1/validate"));
  EXPECT_TRUE(is_validate_path("/rtc/validate"));
  EXPECT_FALSE(is_validate_path("/validate"));
}

TEST_F(AdmissionTest, takes_a_join_from_query_or_header) {
  const auto from_query = read(get("/rtc/v1?access_token=" + token() +
                                   "&join_request=" + join_parameter() + "&region=us-east"));
  ASSERT_TRUE(from_query.has_value()) << from_query.error().response.body;
  EXPECT_EQ(from_query->room, "demo");
  EXPECT_EQ(from_query->caller.account, AccountId("dev"));
  EXPECT_EQ(from_query->grant.identity, meeting::Identity("alice"));
  EXPECT_EQ(from_query->hint, kVirginia);
  HttpRequest with_header = get("//rtc/v1?join_request=" + join_parameter());
  with_header.headers = {{"authorization", "Bearer " + token()}};
  EXPECT_TRUE(read(with_header).has_value());
}

TEST_F(AdmissionTest, refuses_in_the_statuses_that_clients_know) {
  const auto status = [&](const std::string& target) {
    const auto intent = read(get(target));
    return intent ? 200U : intent.error().response.status;
  };
  EXPECT_EQ(status("/rtc/v1?join_request=" + join_parameter()), 401U);
  EXPECT_EQ(status("/rtc/v1?access_token=x.y.z&join_request=" + join_parameter()), 401U);
  EXPECT_EQ(status("/rtc/v1?access_token=" + token("")), 400U);
  EXPECT_EQ(status("/rtc/v1?access_token=" + token()), 400U);
  EXPECT_EQ(status("/rtc/v1?access_token=" + token() + "&join_request=!"), 400U);
  EXPECT_EQ(status("/rtc/v1/validate?access_token=" + token()), 200U);
}

TEST_F(AdmissionTest, tells_one_connection_from_two_by_the_shape_of_the_request) {
  using meeting::ConnectionMode;
  const auto mode = [&](const std::string& target) {
    const auto intent = read(get(target));
    EXPECT_TRUE(intent.has_value()) << target;
    return intent ? intent->mode : ConnectionMode::kSingle;
  };
  const std::string access = "access_token=" + token();
  EXPECT_EQ(mode("/rtc?" + access), ConnectionMode::kDual);
  EXPECT_EQ(mode("/rtc/validate?" + access), ConnectionMode::kDual);
  EXPECT_EQ(mode("/rtc?" + access + "&join_request=" + join_parameter()), ConnectionMode::kSingle);
  EXPECT_EQ(mode("/rtc/v1?" + access + "&join_request=" + join_parameter()),
            ConnectionMode::kSingle);
  const auto intent = read(get("/rtc?" + access + "&protocol=9&auto_subscribe=0"));
  EXPECT_EQ(intent->request.client_info().protocol(), 9);
  EXPECT_FALSE(intent->request.connection_settings().auto_subscribe());
}

TEST_F(AdmissionTest, an_old_client_s_second_connection_is_somebody_who_only_sends) {
  const auto intent = read(get("/rtc?access_token=" + token() + "&publish=screen"));
  ASSERT_TRUE(intent.has_value());
  EXPECT_EQ(intent->grant.identity, meeting::Identity("alice#screen"));
  EXPECT_FALSE(intent->grant.permission.can_subscribe());
  const auto odd = read(get("/rtc?access_token=" + token() + "&publish=%0a"));
  EXPECT_EQ(odd->grant.identity, meeting::Identity("alice"));
}

TEST_F(AdmissionTest, explains_where_a_meeting_may_be_joined) {
  const Refusal refusal = residency_refusal(
      {.reason = residency::DenialReason::kRegionNotAllowed, .permitted = {kLondon}}, directory_);
  EXPECT_EQ(refusal.response.status, 403U);
  EXPECT_EQ(refusal.reason, "region_not_allowed");
  const auto body = boost::json::parse(refusal.response.body);
  EXPECT_EQ(body.at("error"), "region_not_allowed");
  EXPECT_EQ(body.at("reason"), "region_not_allowed");
  EXPECT_EQ(body.at("permitted").at(0).at("region"), "uk-london");
  EXPECT_EQ(body.at("permitted").at(0).at("name"), "London");
  EXPECT_EQ(body.at("permitted").at(0).at("url"), "ws://uk");
  const Refusal full = residency_refusal(
      {.reason = residency::DenialReason::kRegionUnavailable, .permitted = {}}, directory_);
  EXPECT_EQ(full.response.status, 503U);
  EXPECT_EQ(boost::json::parse(full.response.body).at("error"), "region_unavailable");
}

TEST_F(AdmissionTest, asks_residency_with_the_policy_of_the_caller_s_account) {
  api::Caller caller{.account = AccountId("uk-only"), .api_key = {}, .claims = {}};
  const auto question = residency_question(caller, {.at = kVirginia}, directory_);
  ASSERT_NE(question.policy, nullptr);
  EXPECT_EQ(question.policy->account(), AccountId("uk-only"));
  EXPECT_EQ(question.arrived_at, kVirginia);
  caller.account = AccountId("nobody");
  EXPECT_EQ(residency_question(caller, {.at = kLondon}, directory_).policy, nullptr);
}

TEST_F(AdmissionTest, describes_places_nearest_first) {
  const auto places =
      boost::json::parse(describe_places({kLondon, kVirginia}, kVirginia, directory_));
  EXPECT_EQ(places.at("serving").at("region"), "us-east");
  EXPECT_EQ(places.at("permitted").at(0).at("region"), "us-east");
  EXPECT_EQ(places.at("permitted").at(1).at("name"), "London");
  const auto regions = boost::json::parse(describe_regions({kLondon}, kLondon, directory_));
  ASSERT_EQ(regions.at("regions").as_array().size(), 1U);
  EXPECT_EQ(regions.at("regions").at(0).at("url"), "ws://uk");
  EXPECT_EQ(regions.at("regions").at(0).at("distance"), "0");
}

}  // namespace
}  // namespace meridian::signalling
