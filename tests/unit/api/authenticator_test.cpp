#include "api/authenticator.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/jwt.hpp"
#include "unit/api/directory_fixture.hpp"

namespace meridian::api {
namespace {

constexpr UnixTime kNow = UnixTime::from_seconds(1'700'000'000);

class AuthenticatorTest : public testing::Test {
 protected:
  base::Expected<Caller, AuthError> check(std::string_view token) const {
    return authenticate(directory_, limits_, token, kNow);
  }
  AuthError error_of(std::string_view token) const {
    const auto caller = check(token);
    return caller ? AuthError{200, ""} : caller.error();
  }
  static std::string token_of(const Claims& claims) {
    return make_token(claims, {"devkey", "secret", kNow});
  }

  directory::MemoryDirectory directory_ = testing_support::make_directory();
  config::Limits limits_;
};

// Made by Python's hmac and base64 modules, with the claims of livekit-server-sdk.
TEST_F(AuthenticatorTest, accepts_a_token_made_elsewhere) {
  const auto caller = check(
      "eyJhbGciOiJIUzI1NiJ9."
      "eyJpc3MiOiJkZXZrZXkiLCJzdWIiOiJhbGljZSIsIm5hbWUiOiJBbGljZSIsIm5iZiI6MTcwMDAwMDAw"
      "MCwiZXhwIjoxNzAwMDIxNjAwLCJ2aWRlbyI6eyJyb29tSm9pbiI6dHJ1ZSwicm9vbSI6ImRlbW8iLCJj"
      "YW5QdWJsaXNoIjp0cnVlLCJjYW5TdWJzY3JpYmUiOnRydWV9fQ.Tk36DENfpw18kfxODnkJ2KyPgeCsI"
      "qjhH0t_V_X-fqY");
  ASSERT_TRUE(caller) << caller.error().text;
  EXPECT_EQ(caller->account, AccountId("dev"));
  EXPECT_EQ(caller->api_key, "devkey");
  EXPECT_EQ(caller->claims.identity, "alice");
  EXPECT_EQ(caller->claims.video->room, "demo");
  EXPECT_TRUE(authorize_join(*caller, limits_));
}

TEST_F(AuthenticatorTest, accepts_the_secret_before_the_last_rotation_for_the_overlap_only) {
  Claims claims;
  claims.identity = "ann";
  claims.expires = kNow + 3h;
  const auto with_previous = [&](UnixTime until) {
    return directory::MemoryDirectory(
        {.regions = {{testing_support::kLondon, "London", {}, {}, "ws://uk"}},
         .accounts = {testing_support::account_of("dev", {})},
         .keys = {{"devkey", "new secret", AccountId("dev"), "secret", until}},
         .pools = {}});
  };
  const auto is_taken = [&](const directory::Directory& directory, std::string_view secret) {
    return authenticate(directory, limits_, make_token(claims, {"devkey", secret, kNow}), kNow)
        .has_value();
  };
  const auto during = with_previous(kNow + 1s);
  EXPECT_TRUE(is_taken(during, "secret"));
  EXPECT_TRUE(is_taken(during, "new secret"));
  EXPECT_FALSE(is_taken(during, ""));
  EXPECT_FALSE(is_taken(with_previous(kNow), "secret")) << "it is over";
  EXPECT_TRUE(is_taken(with_previous(kNow), "new secret"));
}

TEST_F(AuthenticatorTest, the_header_must_say_bearer) {
  EXPECT_EQ(bearer_token("Bearer abc").value(), "abc");
  for (const char* header : {"", "abc", "bearer abc", "Basic abc", "Bearer"}) {
    const auto token = bearer_token(header);
    ASSERT_FALSE(token) << header;
    EXPECT_EQ(token.error(),
              (AuthError{401, "invalid authorization header. Must start with Bearer "}));
  }
}

TEST_F(AuthenticatorTest, refuses_in_the_words_that_clients_know) {
  Claims claims;
  claims.expires = kNow + 1h;
  EXPECT_EQ(error_of("").status, 401U);
  EXPECT_THAT(error_of("").text, testing::StartsWith("invalid authorization header"));
  EXPECT_EQ(error_of("x.y.z"), (AuthError{401, "invalid authorization token: malformed"}));
  EXPECT_EQ(error_of(make_token(claims, {"nokey", "secret", kNow})),
            (AuthError{401, "invalid API key"}));
  EXPECT_EQ(error_of(make_token(claims, {"devkey", "wrong", kNow})),
            (AuthError{401, "invalid authorization token: bad signature"}));
  // A key signs for its own account only.
  EXPECT_EQ(error_of(make_token(claims, {"devkey", "uksecret", kNow})).status, 401U);
  claims.expires = kNow + -1h;
  EXPECT_EQ(error_of(token_of(claims)), (AuthError{401, "invalid authorization token: expired"}));
  EXPECT_EQ(error_of(sign_jwt(R"({"iss":"devkey"})", "secret")),
            (AuthError{401, "invalid authorization token: no expiry"}));
  EXPECT_EQ(error_of(sign_jwt(R"({"iss":"devkey","exp":1800000000,"video":1})", "secret")),
            (AuthError{401, "invalid authorization token: claim video must be of type object"}));
  EXPECT_EQ(error_of(sign_jwt(R"({"exp":1800000000})", "secret")),
            (AuthError{401, "invalid API key"}));
}

TEST_F(AuthenticatorTest, sizes_are_limited) {
  const auto status_with = [&](auto change) {
    Claims claims;
    claims.expires = kNow + 1h;
    claims.video.emplace();
    change(claims);
    return error_of(token_of(claims)).status;
  };
  EXPECT_EQ(status_with([](Claims& c) { c.identity = std::string(256, 'a'); }), 200U);
  EXPECT_EQ(status_with([](Claims& c) { c.identity = std::string(257, 'a'); }), 400U);
  EXPECT_EQ(status_with([](Claims& c) { c.name = std::string(257, 'a'); }), 400U);
  EXPECT_EQ(status_with([](Claims& c) { c.video->room = std::string(257, 'a'); }), 400U);
  EXPECT_EQ(status_with([](Claims& c) { c.metadata = std::string(65'537, 'a'); }), 400U);
  EXPECT_EQ(status_with([](Claims& c) { c.attributes["a"] = std::string(65'536, 'a'); }), 400U);
}

TEST_F(AuthenticatorTest, joining_needs_a_grant_a_room_and_an_identity) {
  Caller caller;
  EXPECT_EQ(authorize_join(caller, limits_).error(),
            (AuthError{401, "no permissions to access the room"}));
  caller.claims.video.emplace().room_admin = true;
  EXPECT_EQ(authorize_join(caller, limits_).error().status, 401U);
  caller.claims.video->room_join = true;
  EXPECT_EQ(authorize_join(caller, limits_).error(),
            (AuthError{400, "participant identity cannot be empty"}));
  caller.claims.identity = "alice";
  EXPECT_EQ(authorize_join(caller, limits_).error(), (AuthError{400, "room name cannot be empty"}));
  caller.claims.video->room = "demo";
  EXPECT_TRUE(authorize_join(caller, limits_));
  caller.claims.video->room = std::string(300, 'a');
  EXPECT_EQ(authorize_join(caller, limits_).error().status, 400U);
}

TEST_F(AuthenticatorTest, each_right_of_the_api_stands_alone) {
  const AuthError denied{401, "permissions denied"};
  Caller caller;
  EXPECT_EQ(authorize_room_create(caller).error(), denied);
  EXPECT_EQ(authorize_room_list(caller).error(), denied);
  EXPECT_EQ(authorize_room_admin(caller, "").error(), denied);
  VideoGrant& video = caller.claims.video.emplace();
  video.room_create = true;
  EXPECT_TRUE(authorize_room_create(caller));
  EXPECT_FALSE(authorize_room_list(caller));
  EXPECT_FALSE(authorize_room_admin(caller, ""));
  video.room_list = true;
  EXPECT_TRUE(authorize_room_list(caller));
}

TEST_F(AuthenticatorTest, an_administrator_is_one_of_exactly_one_room) {
  Caller caller;
  VideoGrant& video = caller.claims.video.emplace();
  video.room_admin = true;
  video.room = "demo";
  EXPECT_TRUE(authorize_room_admin(caller, "demo"));
  for (const char* room : {"", "*", "Demo", "demo ", "demo/", "../demo", "dem\xc3\xb3"}) {
    EXPECT_FALSE(authorize_room_admin(caller, room)) << room;
  }
  video.room = "*";
  EXPECT_FALSE(authorize_room_admin(caller, "demo"));
}

}  // namespace
}  // namespace meridian::api
