#include "signalling/grant.hpp"

#include <gtest/gtest.h>

#include "unit/api/directory_fixture.hpp"

namespace meridian::signalling {
namespace {

constexpr UnixTime kNow = UnixTime::from_seconds(1'700'000'000);

api::Caller caller() {
  api::Caller caller{.account = AccountId("dev"), .api_key = "devkey", .claims = {}};
  caller.claims.identity = "alice";
  caller.claims.name = "Alice";
  caller.claims.metadata = "{}";
  caller.claims.attributes = {{"team", "red"}};
  caller.claims.expires = kNow + 1h;
  caller.claims.video.emplace();
  caller.claims.video->room = "demo";
  caller.claims.video->room_join = true;
  return caller;
}

TEST(Grant, carries_what_the_token_says) {
  api::Caller from = caller();
  from.claims.kind = api::ParticipantKind::kAgent;
  from.claims.kind_details = {"cloud_agent", "from_the_future"};
  from.claims.video->hidden = true;
  from.claims.video->publish_sources = {api::TrackSource::kMicrophone,
                                        api::TrackSource::kScreenShareAudio};
  const auto grant = make_grant(from, {}, {});
  ASSERT_TRUE(grant.has_value());
  EXPECT_EQ(grant->identity, meeting::Identity("alice"));
  EXPECT_EQ(grant->name, "Alice");
  EXPECT_EQ(grant->attributes.at("team"), "red");
  EXPECT_EQ(grant->kind, livekit::ParticipantInfo::AGENT);
  ASSERT_EQ(grant->kind_details.size(), 1U);
  EXPECT_TRUE(grant->permission.can_publish());
  EXPECT_TRUE(grant->permission.can_subscribe());
  EXPECT_TRUE(grant->permission.can_publish_data());
  EXPECT_FALSE(grant->permission.can_update_metadata());
  EXPECT_TRUE(grant->permission.hidden());
  EXPECT_EQ(grant->permission.can_publish_sources(0), livekit::MICROPHONE);
  EXPECT_EQ(grant->permission.can_publish_sources(1), livekit::SCREEN_SHARE_AUDIO);
}

TEST(Grant, knows_every_kind) {
  using Kind = api::ParticipantKind;
  const std::pair<Kind, livekit::ParticipantInfo::Kind> kinds[] = {
      {Kind::kStandard, livekit::ParticipantInfo::STANDARD},
      {Kind::kIngress, livekit::ParticipantInfo::INGRESS},
      {Kind::kEgress, livekit::ParticipantInfo::EGRESS},
      {Kind::kSip, livekit::ParticipantInfo::SIP},
      {Kind::kConnector, livekit::ParticipantInfo::CONNECTOR},
      {Kind::kBridge, livekit::ParticipantInfo::BRIDGE},
  };
  for (const auto& [kind, expected] : kinds) {
    api::Caller from = caller();
    from.claims.kind = kind;
    EXPECT_EQ(make_grant(from, {}, {})->kind, expected);
  }
}

TEST(Grant, lets_only_the_entitled_set_metadata_at_join) {
  livekit::JoinRequest request;
  (*request.mutable_participant_attributes())["team"] = "blue";
  EXPECT_EQ(make_grant(caller(), request, {}).error().status, 401U);
  api::Caller entitled = caller();
  entitled.claims.video->update_own_metadata = true;
  request.set_metadata("mine");
  const auto grant = make_grant(entitled, request, {});
  ASSERT_TRUE(grant.has_value());
  EXPECT_EQ(grant->metadata, "mine");
  EXPECT_EQ(grant->attributes.at("team"), "blue");
  config::Limits small;
  small.attributes_size = 3;
  EXPECT_EQ(make_grant(entitled, request, small).error().status, 400U);
}

TEST(TokenMaker, makes_tokens_of_what_the_participant_has_become) {
  const directory::MemoryDirectory directory = api::testing_support::make_directory();
  const auto make = make_token_maker(caller(), directory);
  livekit::ParticipantInfo info;
  info.set_name("Alice II");
  info.set_metadata("new");
  (*info.mutable_attributes())["hand"] = "up";
  const auto back = api::authenticate(directory, {}, make(info, "demo", kNow), kNow);
  ASSERT_TRUE(back.has_value()) << back.error().text;
  EXPECT_EQ(back->claims.identity, "alice");
  EXPECT_EQ(back->claims.name, "Alice II");
  EXPECT_EQ(back->claims.metadata, "new");
  EXPECT_EQ(back->claims.attributes.size(), 1U);
  EXPECT_EQ(back->claims.video->room, "demo");
}

TEST(TokenMaker, says_what_the_participant_may_do_now_and_where_it_is) {
  const directory::MemoryDirectory directory = api::testing_support::make_directory();
  const auto make = make_token_maker(caller(), directory);
  livekit::ParticipantInfo info;
  info.mutable_permission()->set_can_subscribe(true);
  info.mutable_permission()->set_can_publish(true);
  info.mutable_permission()->add_can_publish_sources(livekit::MICROPHONE);
  const auto back = api::authenticate(directory, {}, make(info, "other", kNow), kNow);
  ASSERT_TRUE(back.has_value()) << back.error().text;
  const api::VideoGrant& video = *back->claims.video;
  EXPECT_EQ(video.room, "other");
  EXPECT_TRUE(video.can_subscribe());
  EXPECT_FALSE(video.can_publish_data());
  EXPECT_TRUE(video.can_publish(api::TrackSource::kMicrophone));
  EXPECT_FALSE(video.can_publish(api::TrackSource::kCamera));
}

TEST(TokenMaker, makes_nothing_for_a_withdrawn_key) {
  const directory::MemoryDirectory empty({});
  EXPECT_EQ(make_token_maker(caller(), empty)({}, "demo", kNow), "");
}

}  // namespace
}  // namespace meridian::signalling
