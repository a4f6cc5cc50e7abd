#include "api/token_endpoint.hpp"

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/api/directory_fixture.hpp"

namespace meridian::api {
namespace {

using testing_support::kLondon;
using testing_support::kVirginia;

constexpr UnixTime kNow = UnixTime::from_seconds(1'700'000'000);

struct Answer {
  std::string url;
  std::string room;
  std::string identity;
  Caller caller;
};

class TokenEndpointTest : public testing::Test {
 protected:
  base::Expected<std::string, AuthError> raw(TokenSourceRequest request) {
    if (request.arrived_at.empty()) {
      request.arrived_at = kLondon;
    }
    return answer_token_source(directory_, limits_, request, random_, kNow);
  }
  Answer answer(TokenSourceRequest request) {
    const boost::json::value value = boost::json::parse(raw(std::move(request)).value());
    const auto text = [&](const char* name) { return std::string(value.at(name).as_string()); };
    return {text("server_url"), text("room_name"), text("participant_identity"),
            authenticate(directory_, limits_, text("participant_token"), kNow).value()};
  }
  static TokenSourceRequest with_body(std::string_view body) {
    TokenSourceRequest request;
    request.body = body;
    return request;
  }

  directory::MemoryDirectory directory_ = testing_support::make_directory();
  config::Limits limits_;
  SeededRandomSource random_{1};
};

TEST_F(TokenEndpointTest, gives_a_token_for_what_was_asked) {
  const Answer answered = answer(with_body(R"({"room_name":"demo","participant_identity":"alice",
      "participant_name":"Alice","participant_metadata":"m","participant_attributes":{"a":"b"},
      "room_config":{"emptyTimeout":5}})"));
  EXPECT_EQ(answered.url, "ws://uk");
  EXPECT_EQ(answered.room, "demo");
  const Claims& claims = answered.caller.claims;
  EXPECT_EQ(claims.identity, "alice");
  EXPECT_EQ(claims.name, "Alice");
  EXPECT_EQ(claims.metadata, "m");
  EXPECT_EQ(claims.attributes.at("a"), "b");
  EXPECT_EQ(claims.room_config, R"({"emptyTimeout":5})");
  EXPECT_TRUE(authorize_join(answered.caller, limits_));
}

TEST_F(TokenEndpointTest, reads_camel_case_and_ignores_the_rest) {
  const Answer answered = answer(
      with_body(R"({"roomName":"demo","participantIdentity":"bob","x":1,"room_config":null})"));
  EXPECT_EQ(answered.room, "demo");
  EXPECT_EQ(answered.identity, "bob");
}

TEST_F(TokenEndpointTest, draws_what_is_missing) {
  const Answer first = answer({});
  const Answer second = answer(with_body("{}"));
  EXPECT_THAT(first.room, testing::StartsWith("room-"));
  EXPECT_THAT(first.identity, testing::StartsWith("guest-"));
  EXPECT_NE(first.room, second.room);
  EXPECT_EQ(first.caller.claims.video->room, first.room);
}

TEST_F(TokenEndpointTest, the_account_is_the_first_or_the_one_named) {
  EXPECT_EQ(answer({}).caller.account, AccountId("dev"));
  TokenSourceRequest request;
  request.account = AccountId("uk-only");
  EXPECT_EQ(answer(request).caller.account, AccountId("uk-only"));
}

TEST_F(TokenEndpointTest, the_url_is_of_where_the_account_may_be) {
  TokenSourceRequest request;
  request.arrived_at = kVirginia;
  EXPECT_EQ(answer(request).url, "ws://us");
  request.account = AccountId("uk-only");
  EXPECT_EQ(answer(request).url, "ws://uk");
  // Asked for by name, a forbidden region is answered too: its refusal is to be seen.
  request.region = kVirginia;
  EXPECT_EQ(answer(request).url, "ws://us");
}

TEST_F(TokenEndpointTest, refuses_what_it_cannot_answer) {
  const auto status = [&](TokenSourceRequest request) {
    return raw(std::move(request)).error().status;
  };
  TokenSourceRequest request;
  request.account = AccountId("none");
  EXPECT_EQ(status(request), 404U);
  request.account = AccountId("keyless");
  EXPECT_EQ(status(request), 404U);
  request = {};
  request.region = RegionId("mars");
  EXPECT_EQ(status(request), 404U);
  for (const char* body : {"x", "[]", R"({"room_name":1})", R"({"participant_attributes":[]})",
                           R"({"participant_attributes":{"a":1}})", R"({"room_config":"x"})"}) {
    EXPECT_EQ(status(with_body(body)), 400U) << body;
  }
  const std::string long_name = R"({"room_name":")" + std::string(300, 'a') + "\"}";
  EXPECT_EQ(status(with_body(long_name)), 400U);
}

TEST_F(TokenEndpointTest, an_empty_directory_has_no_tokens) {
  const directory::MemoryDirectory empty({});
  const auto result = answer_token_source(empty, limits_, {}, random_, kNow);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().status, 404U);
}

}  // namespace
}  // namespace meridian::api
