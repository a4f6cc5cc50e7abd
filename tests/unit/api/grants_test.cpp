#include "api/grants.hpp"

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/jwt.hpp"

namespace meridian::api {
namespace {

constexpr UnixTime kNow = UnixTime::from_seconds(1'700'000'000);
constexpr Signer kSigner{"key", "secret", kNow};

base::Expected<Claims, base::Error> claims_of(std::string payload) {
  UncheckedJwt jwt;
  jwt.payload = std::move(payload);
  return parse_claims(jwt);
}

Claims claims_in(const std::string& token) {
  const auto jwt = decode_jwt(token).value();
  EXPECT_TRUE(check_signature(jwt, kSigner.secret));
  return parse_claims(jwt).value();
}

Claims full_claims() {
  Claims claims;
  claims.identity = "alice";
  claims.name = "Alice \xe2\x82\xac \"quoted\"";
  claims.kind = ParticipantKind::kAgent;
  claims.kind_details = {"forwarded"};
  claims.metadata = "{\"a\":1}";
  claims.attributes = {{"role", "host"}, {"team", "blue"}};
  claims.sha256 = "abc=";
  claims.room_preset = "preset";
  claims.room_config = R"({"emptyTimeout":300})";
  VideoGrant video;
  video.room_create = video.room_list = video.room_record = video.room_admin = true;
  video.room_join = video.ingress_admin = video.hidden = video.recorder = video.agent = true;
  video.room = "demo";
  video.destination_room = "other";
  video.publish = false;
  video.subscribe = true;
  video.publish_data = false;
  video.update_own_metadata = true;
  video.subscribe_metrics = false;
  video.manage_agent_session = true;
  video.publish_sources = {TrackSource::kCamera, TrackSource::kScreenShareAudio,
                           TrackSource::kUnknown};
  claims.video = video;
  claims.sip = SipGrant{.admin = true, .call = false};
  claims.expires = UnixTime::from_seconds(1'700'003'600);
  return claims;
}

TEST(Grants, a_token_says_what_it_was_made_from) {
  EXPECT_EQ(claims_in(make_token(full_claims(), kSigner)), full_claims());
  Claims plain;
  plain.expires = kNow;
  EXPECT_EQ(claims_in(make_token(plain, kSigner)), plain);
}

TEST(Grants, a_token_has_the_claims_of_livekit) {
  const auto jwt = decode_jwt(make_token(full_claims(), kSigner)).value();
  const boost::json::value value = boost::json::parse(jwt.payload);
  EXPECT_EQ(value.at("iss").as_string(), "key");
  EXPECT_EQ(value.at("sub").as_string(), "alice");
  EXPECT_EQ(value.at("nbf").as_int64(), 1'700'000'000);
  EXPECT_EQ(value.at("exp").as_int64(), 1'700'003'600);
  EXPECT_EQ(value.at("kind").as_string(), "agent");
  EXPECT_EQ(value.at_pointer("/video/canPublish").as_bool(), false);
  EXPECT_EQ(value.at_pointer("/video/canPublishSources/1").as_string(), "screen_share_audio");
  EXPECT_EQ(value.at_pointer("/roomConfig/emptyTimeout").as_int64(), 300);
}

TEST(Grants, absent_permissions_have_their_defaults) {
  const auto claims = claims_of(R"({"video":{"roomJoin":true}})");
  ASSERT_TRUE(claims && claims->video);
  const VideoGrant& video = *claims->video;
  EXPECT_FALSE(video.publish);
  EXPECT_TRUE(video.can_publish());
  EXPECT_TRUE(video.can_publish(TrackSource::kUnknown));
  EXPECT_TRUE(video.can_subscribe());
  EXPECT_TRUE(video.can_publish_data());
  EXPECT_FALSE(video.can_update_own_metadata());
  EXPECT_FALSE(video.can_subscribe_metrics());
  EXPECT_FALSE(video.room_admin);
}

TEST(Grants, data_follows_publishing_unless_it_is_said) {
  EXPECT_FALSE(claims_of(R"({"video":{"canPublish":false}})")->video->can_publish_data());
  EXPECT_TRUE(claims_of(R"({"video":{"canPublish":false,"canPublishData":true}})")
                  ->video->can_publish_data());
}

TEST(Grants, a_list_of_sources_restricts) {
  const auto grant = [](const char* sources) {
    return *claims_of(std::string(R"({"video":{"canPublishSources":)") + sources + "}}")->video;
  };
  EXPECT_TRUE(grant("[]").can_publish(TrackSource::kCamera));
  EXPECT_TRUE(grant(R"(["camera"])").can_publish(TrackSource::kCamera));
  EXPECT_FALSE(grant(R"(["camera"])").can_publish(TrackSource::kMicrophone));
  EXPECT_FALSE(grant(R"(["camera"])").can_publish(TrackSource::kUnknown));
  // A name of the future must not turn into "everything", nor match a track without a source.
  EXPECT_FALSE(grant(R"(["hologram"])").can_publish(TrackSource::kCamera));
  EXPECT_FALSE(grant(R"(["hologram"])").can_publish(TrackSource::kUnknown));
  EXPECT_FALSE(claims_of(R"({"video":{"canPublish":false,"canPublishSources":["camera"]}})")
                   ->video->can_publish(TrackSource::kCamera));
}

TEST(Grants, identity_is_the_subject_or_else_the_id) {
  EXPECT_EQ(claims_of(R"({"sub":"a","jti":"b"})")->identity, "a");
  EXPECT_EQ(claims_of(R"({"sub":"","jti":"b"})")->identity, "b");
  EXPECT_EQ(claims_of(R"({"jti":"b"})")->identity, "b");
  EXPECT_EQ(claims_of("{}")->identity, "");
}

TEST(Grants, no_video_claim_is_no_grant) {
  EXPECT_FALSE(claims_of("{}")->video);
  EXPECT_FALSE(claims_of(R"({"video":null})")->video);
  EXPECT_TRUE(claims_of(R"({"video":{}})")->video);
}

TEST(Grants, claims_of_the_wrong_type_are_named) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"sub":1})", "claim sub must be of type string"},
      {R"({"video":[]})", "claim video must be of type object"},
      {R"({"video":{"roomJoin":"true"}})", "claim video.roomJoin must be of type bool"},
      {R"({"video":{"canPublish":1}})", "claim video.canPublish must be of type bool"},
      {R"({"video":{"room":{}}})", "claim video.room must be of type string"},
      {R"({"video":{"canPublishSources":[1]}})",
       "claim video.canPublishSources must be a list of strings"},
      {R"({"attributes":{"a":1}})", "claim attributes must be an object of strings"},
      {R"({"roomConfig":"x"})", "claim roomConfig must be of type object"},
      {R"({"sip":{"admin":0}})", "claim sip.admin must be of type bool"},
      {"[]", "claims must be a JSON object"},
      {"{", "claims must be a JSON object"}};
  for (const auto& [payload, message] : cases) {
    const auto claims = claims_of(payload);
    ASSERT_FALSE(claims) << payload;
    EXPECT_EQ(claims.error().message, message);
  }
}

TEST(Grants, unknown_claims_and_kinds_are_ignored) {
  const auto claims =
      claims_of(R"({"kind":"robot","future":{"x":[1]},"inference":{"perform":true}})");
  ASSERT_TRUE(claims);
  EXPECT_EQ(claims->kind, ParticipantKind::kStandard);
}

TEST(Grants, a_join_token_gives_the_rights_of_a_participant) {
  JoinTokenRequest request;
  request.room = "demo";
  request.identity = "alice";
  request.name = "Alice";
  request.attributes = {{"a", "b"}};
  const Claims claims = claims_in(join_token(request, kSigner));
  EXPECT_EQ(claims.identity, "alice");
  EXPECT_EQ(claims.name, "Alice");
  EXPECT_EQ(claims.attributes, request.attributes);
  ASSERT_TRUE(claims.video);
  EXPECT_TRUE(claims.video->room_join);
  EXPECT_EQ(claims.video->room, "demo");
  EXPECT_FALSE(claims.video->room_admin);
  EXPECT_EQ(claims.expires, kNow + kDefaultTokenLifetime);
}

TEST(Grants, a_refreshed_token_keeps_rights_and_expiry) {
  EXPECT_EQ(claims_in(refresh_token(full_claims(), kSigner)), full_claims());
  Claims ending = full_claims();
  ending.expires = kNow + 30s;
  Claims expected = ending;
  expected.expires = kNow + kMinRefreshLifetime;
  EXPECT_EQ(claims_in(refresh_token(ending, kSigner)), expected);
}

TEST(Grants, a_room_config_that_is_no_object_is_left_out) {
  Claims claims = full_claims();
  claims.room_config = "not json";
  EXPECT_EQ(claims_in(make_token(claims, kSigner)).room_config, "");
}

}  // namespace
}  // namespace meridian::api
