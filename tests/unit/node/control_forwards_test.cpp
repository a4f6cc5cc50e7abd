// ForwardParticipant: somebody of one room is seen in another, and what both rooms' routing says.
#include <boost/json.hpp>
#include <gmock/gmock.h>

#include "unit/node/control_fixture.hpp"

namespace meridian::node {
namespace {

using livekit::ParticipantInfo;

/// Alice publishes a camera and a microphone in `standup`; `hall` is where she is forwarded to.
class ControlForwardsTest : public ControlTest {
 protected:
  static livekit::JoinRequest publishing(bool has_camera = true) {
    meeting::FakeOffers offers;
    livekit::JoinRequest request = join_request();
    const auto add = [&](const std::string& cid, rtp::MediaKind kind) {
      const bool is_video = kind == rtp::MediaKind::kVideo;
      offers.published.push_back({kind, cid, is_video});
      livekit::AddTrackRequest& track = *request.add_add_track_requests();
      track.set_cid(cid);
      track.set_type(is_video ? livekit::VIDEO : livekit::AUDIO);
      track.set_source(is_video ? livekit::CAMERA : livekit::MICROPHONE);
    };
    add("mic", rtp::MediaKind::kAudio);
    if (has_camera) {
      add("cam", rtp::MediaKind::kVideo);
    }
    request.mutable_publisher_offer()->set_sdp(offers.next());
    return request;
  }
  SignalSessionId publish(const Who& who, bool has_camera = true) {
    const auto opened = open(who, publishing(has_camera));
    EXPECT_TRUE(opened.has_value());
    connect(who.at);
    return opened.value_or(SignalSessionId());
  }
  /// The newest transport of that region's worker comes up.
  void connect(const RegionId& at = kLondon) {
    const WorkerIndex worker(at == kLondon ? 0 : 1);
    const auto opened = commands<forward::OpenTransport>();
    for (auto one = opened.rbegin(); one != opened.rend(); ++one) {
      if (one->first == worker) {
        event(worker, forward::TransportStateChanged{.transport = one->second->transport,
                                                     .state = forward::TransportState::kConnected});
        return;
      }
    }
  }
  void event(WorkerIndex worker, forward::Event event) {
    control_->handle_event(worker, std::move(event), now_);
    drain();
  }
  SignalSessionId watch(const std::string& room, const std::string& identity,
                        const RegionId& at = kLondon) {
    return join({.room = room, .identity = identity, .at = at});
  }

  unsigned call(const std::string& method, const std::string& body,
                const std::string& room = "standup", const std::string& destination = "hall",
                const std::string& account = "acme") {
    api::Claims claims;
    api::VideoGrant& video = claims.video.emplace();
    video.room_admin = true;
    video.room = room;
    video.destination_room = destination;
    claims.expires = now_.wall + 60s;
    signalling::HttpRequest request;
    request.method = "POST";
    request.target = "/twirp/livekit.RoomService/" + method;
    request.headers = {
        {"Content-Type", "application/json"},
        {"Authorization",
         "Bearer " + api::make_token(claims, {account + "-key", account + "-secret", now_.wall})}};
    request.body = body;
    request.listener_region = kLondon;
    return http(request).status;
  }
  unsigned forward(const std::string& from = "standup", const std::string& to = "hall",
                   const std::string& identity = "alice") {
    return call("ForwardParticipant",
                R"({"room":")" + from + R"(","identity":")" + identity +
                    R"(","destination_room":")" + to + R"("})",
                from, to);
  }

  /// What that client was last told about somebody.
  [[nodiscard]] std::optional<ParticipantInfo> seen(SignalSessionId by,
                                                    const std::string& identity) const {
    const auto found = received_.find(by);
    for (auto message = found->second.rbegin(); message != found->second.rend(); ++message) {
      for (const auto& info : message->update().participants()) {
        if (info.identity() == identity) {
          return info;
        }
      }
      for (const auto& info : message->join().other_participants()) {
        if (info.identity() == identity) {
          return info;
        }
      }
    }
    return std::nullopt;
  }
  [[nodiscard]] bool is_gone(SignalSessionId by, const std::string& identity) const {
    const auto info = seen(by, identity);
    return info && info->state() == ParticipantInfo::DISCONNECTED;
  }
  void change_rooms(std::map<std::string, residency::RegionSet, std::less<>> rooms) {
    residency::AccountPolicy::Terms terms = acme_terms();
    terms.levels.rooms = std::move(rooms);
    ASSERT_TRUE(control_->begin_change({.terms = terms, .expected = epoch_, .author = {}}, now_));
    epoch_ = PolicyEpoch(epoch_.value() + 1);
    drain();
  }
  PolicyEpoch epoch_{1};
};

TEST_F(ControlForwardsTest, is_seen_in_the_other_room_with_the_same_tracks) {
  const SignalSessionId alice = publish({});
  const SignalSessionId bob = watch("hall", "bob");
  ASSERT_EQ(forward(), 200U);
  const auto copy = seen(bob, "alice");
  ASSERT_TRUE(copy);
  EXPECT_NE(copy->sid(), last(alice, Response::kJoin)->join().participant().sid());
  EXPECT_EQ(copy->identity(), "alice");
  EXPECT_EQ(copy->state(), ParticipantInfo::ACTIVE);
  EXPECT_EQ(copy->kind(), ParticipantInfo::STANDARD);
  ASSERT_EQ(copy->kind_details_size(), 1);
  EXPECT_EQ(copy->kind_details(0), ParticipantInfo::FORWARDED);
  EXPECT_EQ(copy->tracks_size(), 2);
  EXPECT_FALSE(is_closed(alice));
  EXPECT_EQ(control_->counters().participants_now, 3U);
  EXPECT_EQ(control_->counters().forwards_now, 1U);
  EXPECT_EQ(forward(), 200U) << "once more changes nothing";
  EXPECT_EQ(seen(bob, "alice")->sid(), copy->sid());
  EXPECT_EQ(control_->counters().forwards_now, 1U);
}

TEST_F(ControlForwardsTest, media_comes_over_relays_that_belong_to_the_other_room) {
  publish({});
  watch("hall", "bob");
  ASSERT_EQ(forward(), 200U);
  commands_.clear();
  watch("hall", "carol");
  const auto published = commands<forward::Publish>();
  EXPECT_TRUE(published.empty());
  const auto sources = commands<forward::OpenRelaySource>();
  const auto sinks = commands<forward::OpenRelaySink>();
  const auto subscribed = commands<forward::Subscribe>();
  ASSERT_EQ(sources.size(), 2U) << "camera and microphone";
  ASSERT_EQ(sinks.size(), 2U);
  ASSERT_EQ(subscribed.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(sources[i].first, WorkerIndex(0));
    EXPECT_EQ(sources[i].second->to, WorkerIndex(0)) << "even on the same worker";
    EXPECT_EQ(sinks[i].first, WorkerIndex(0));
    EXPECT_NE(sinks[i].second->publication, sinks[i].second->source);
    EXPECT_EQ(sinks[i].second->publication, sources[i].second->sink);
    EXPECT_EQ(sinks[i].second->source, sources[i].second->publication);
    EXPECT_EQ(sinks[i].second->room, sources[i].second->room);
    EXPECT_EQ(sinks[i].second->permit.levels().room, "hall");
    ASSERT_TRUE(sinks[i].second->permit.narrowed());
    EXPECT_EQ(sinks[i].second->permit.narrowed()->room, "standup");
    EXPECT_EQ(sources[i].second->permit.narrowed()->room, "standup");
    EXPECT_EQ(subscribed[i].second->publication, sinks[i].second->publication);
  }
}

TEST_F(ControlForwardsTest, changes_of_the_source_are_changes_of_the_copy) {
  const SignalSessionId alice = publish({});
  const SignalSessionId bob = watch("hall", "bob");
  ASSERT_EQ(forward(), 200U);
  const std::string track = seen(bob, "alice")->tracks(0).sid();
  livekit::SignalRequest request;
  request.mutable_mute()->set_sid(track);
  request.mutable_mute()->set_muted(true);
  send(alice, request);
  EXPECT_TRUE(seen(bob, "alice")->tracks(0).muted());
  EXPECT_EQ(call("UpdateParticipant",
                 R"({"room":"standup","identity":"alice","metadata":"m","attributes":{"a":"b"}})"),
            200U);
  EXPECT_EQ(seen(bob, "alice")->metadata(), "m");
  EXPECT_EQ(seen(bob, "alice")->attributes().at("a"), "b");
  EXPECT_EQ(seen(bob, "alice")->kind_details_size(), 1);

  meeting::FakeOffers offers;
  offers.published = {{rtp::MediaKind::kAudio, "mic"},
                      {rtp::MediaKind::kVideo, "cam", true, false}};
  request.Clear();
  request.mutable_offer()->set_type("offer");
  request.mutable_offer()->set_id(2);
  request.mutable_offer()->set_sdp(offers.next());
  send(alice, request);
  ASSERT_EQ(seen(bob, "alice")->tracks_size(), 1) << "the camera is gone";
  EXPECT_EQ(seen(bob, "alice")->tracks(0).sid(), track);
}

TEST_F(ControlForwardsTest, ends_when_the_source_leaves_and_when_the_copy_is_removed) {
  const SignalSessionId alice = publish({});
  const SignalSessionId bob = watch("hall", "bob");
  ASSERT_EQ(forward(), 200U);
  commands_.clear();
  ASSERT_EQ(call("RemoveParticipant", R"({"room":"hall","identity":"alice"})", "hall"), 200U);
  EXPECT_TRUE(is_gone(bob, "alice"));
  EXPECT_FALSE(is_closed(alice)) << "she is still in her own room";
  EXPECT_EQ(control_->counters().forwards_now, 0U);

  ASSERT_EQ(forward(), 200U);
  watch("hall", "carol");
  EXPECT_FALSE(is_gone(bob, "alice"));
  commands_.clear();
  livekit::SignalRequest leave;
  leave.mutable_leave();
  send(alice, leave);
  EXPECT_TRUE(is_gone(bob, "alice"));
  const auto closed = commands<forward::CloseRelaySource>();
  ASSERT_EQ(closed.size(), 2U);
  EXPECT_NE(closed[0].second->publication, closed[0].second->sink);
  EXPECT_EQ(control_->counters().forwards_now, 0U);
  EXPECT_EQ(control_->counters().tracks_now, 0U);
}

TEST_F(ControlForwardsTest, ends_with_either_room) {
  publish({});
  const SignalSessionId bob = watch("hall", "bob");
  ASSERT_EQ(forward(), 200U);
  api::Claims claims;
  for (const std::string room : {"standup", "hall"}) {
    api::VideoGrant& video = claims.video.emplace();
    video.room_create = true;
    claims.expires = now_.wall + 60s;
    signalling::HttpRequest request;
    request.method = "POST";
    request.target = "/twirp/livekit.RoomService/DeleteRoom";
    request.headers = {
        {"Content-Type", "application/json"},
        {"Authorization",
         "Bearer " + api::make_token(claims, {"acme-key", "acme-secret", now_.wall})}};
    request.body = R"({"room":")" + room + R"("})";
    request.listener_region = kLondon;
    ASSERT_EQ(http(request).status, 200U);
    EXPECT_EQ(control_->counters().forwards_now, 0U);
    if (room == "standup") {
      EXPECT_TRUE(is_gone(bob, "alice"));
      publish({});
      ASSERT_EQ(forward(), 200U);
    }
  }
  EXPECT_EQ(control_->counters().rooms_now, 1U);
}

TEST_F(ControlForwardsTest, who_joins_again_is_forwarded_again) {
  publish({});
  const SignalSessionId bob = watch("hall", "bob");
  ASSERT_EQ(forward(), 200U);
  const std::string before = seen(bob, "alice")->sid();
  publish({}, false);
  const auto again = seen(bob, "alice");
  EXPECT_EQ(again->state(), ParticipantInfo::ACTIVE);
  EXPECT_NE(again->sid(), before);
  EXPECT_EQ(again->tracks_size(), 1);
  EXPECT_EQ(control_->counters().forwards_now, 1U);
}

TEST_F(ControlForwardsTest, needs_both_rights_and_rooms_of_the_caller) {
  publish({});
  EXPECT_EQ(forward(), 404U) << "the other room is not there";
  watch("hall", "bob");
  const std::string body = R"({"room":"standup","identity":"alice","destination_room":"hall"})";
  EXPECT_EQ(call("ForwardParticipant", body, "standup", "elsewhere"), 401U);
  EXPECT_EQ(call("ForwardParticipant", body, "hall", "hall"), 401U);
  EXPECT_EQ(call("ForwardParticipant", body, "standup", "hall", "uk-only"), 404U);
  EXPECT_EQ(forward("standup", "hall", "nobody"), 404U);
  EXPECT_EQ(forward("standup", "standup"), 400U);
  EXPECT_EQ(control_->counters().forwards_now, 0U);
}

TEST_F(ControlForwardsTest, an_identity_is_in_a_room_once_and_a_copy_is_not_copied) {
  publish({});
  const SignalSessionId other = join({.room = "hall"});
  EXPECT_EQ(forward(), 412U) << "somebody else is alice there";
  livekit::SignalRequest leave;
  leave.mutable_leave();
  send(other, leave);
  ASSERT_EQ(forward(), 200U);
  watch("attic", "carol");
  EXPECT_EQ(forward("hall", "attic"), 412U);
  const SignalSessionId real = join({.room = "hall"});
  EXPECT_FALSE(is_closed(real));
  EXPECT_EQ(control_->counters().forwards_now, 0U) << "who joins takes the place of a copy";
}

TEST_F(ControlForwardsTest, a_copy_is_changed_where_it_comes_from) {
  publish({});
  const SignalSessionId bob = watch("hall", "bob");
  ASSERT_EQ(forward(), 200U);
  const std::string track = seen(bob, "alice")->tracks(0).sid();
  const std::string who = R"({"room":"hall","identity":"alice")";
  EXPECT_EQ(
      call("MutePublishedTrack", who + R"(,"track_sid":")" + track + R"(","muted":true})", "hall"),
      412U);
  EXPECT_EQ(call("UpdateParticipant", who + R"(,"name":"x"})", "hall"), 412U);
  EXPECT_EQ(call("UpdateSubscriptions", who + "}", "hall"), 412U);
  EXPECT_EQ(
      call("PerformRpc", R"({"room":"hall","destination_identity":"alice","method":"m"})", "hall"),
      412U);
  watch("attic", "carol");
  EXPECT_EQ(call("MoveParticipant", who + R"(,"destination_room":"attic"})", "hall", "attic"),
            412U);
}

TEST_F(ControlForwardsTest, a_participant_is_forwarded_only_where_that_room_may_have_its_media) {
  publish({.at = kVirginia});
  watch("board", "bob");
  EXPECT_EQ(forward("standup", "board"), 403U) << "that room may be in London alone";
  EXPECT_EQ(control_->counters().forwards_now, 0U);
  EXPECT_TRUE(commands<forward::OpenRelaySource>().empty());
}

TEST_F(ControlForwardsTest, media_reaches_nobody_where_the_sources_room_may_not_be) {
  publish({.room = "board"});
  watch("hall", "bob");
  ASSERT_EQ(forward("board", "hall"), 200U);
  commands_.clear();
  const SignalSessionId far = watch("hall", "carol", kVirginia);
  EXPECT_TRUE(seen(far, "alice"));
  EXPECT_TRUE(commands<forward::OpenRelaySource>().empty());
  EXPECT_TRUE(commands<forward::OpenRelaySink>().empty());
  EXPECT_TRUE(commands<forward::Subscribe>().empty());
  EXPECT_TRUE(last(far, Response::kSubscriptionResponse));
}

TEST_F(ControlForwardsTest, a_policy_that_narrows_the_sources_room_ends_its_media_elsewhere) {
  publish({});
  watch("hall", "bob");
  ASSERT_EQ(forward(), 200U);
  const SignalSessionId carol = watch("hall", "carol", kVirginia);
  ASSERT_EQ(commands<forward::OpenRelaySink>().size(), 2U);
  EXPECT_EQ(commands<forward::OpenRelaySink>()[0].first, WorkerIndex(1));
  commands_.clear();
  change_rooms({{"board", {kLondon}}, {"standup", {kLondon}}});
  EXPECT_EQ(commands<forward::CloseRelaySource>().size(), 2U);
  EXPECT_FALSE(is_closed(carol)) << "her own room may still be there";
  EXPECT_FALSE(is_gone(carol, "alice"));
  EXPECT_EQ(control_->counters().forwards_now, 1U);
  commands_.clear();
  watch("hall", "bob");
  for (const auto& [worker, sink] : commands<forward::OpenRelaySink>()) {
    EXPECT_EQ(worker, WorkerIndex(0));
  }
  EXPECT_EQ(commands<forward::OpenRelaySink>().size(), 2U) << "in London it goes on";
}

TEST_F(ControlForwardsTest, a_host_who_is_named_more_closely_narrows_what_is_forwarded) {
  publish({});
  watch("hall", "bob");
  ASSERT_EQ(forward(), 200U);
  watch("hall", "bob");
  commands_.clear();
  join({.identity = "dora", .routing = api::RoutingClaim{.group = "ward"}});
  std::size_t narrowed = 0;
  std::size_t closed = 0;
  for (std::size_t i = 0; i < commands_.size(); ++i) {
    narrowed = std::holds_alternative<forward::NarrowRoom>(commands_[i].second) ? i + 1 : narrowed;
    closed =
        std::holds_alternative<forward::CloseRelaySource>(commands_[i].second) ? i + 1 : closed;
  }
  EXPECT_GT(closed, 0U);
  EXPECT_LT(closed, narrowed) << "no relay outlives the levels that it was opened under";
  commands_.clear();
  watch("hall", "bob");
  EXPECT_EQ(control_->counters().forwards_now, 1U);
  ASSERT_EQ(commands<forward::OpenRelaySink>().size(), 2U);
  EXPECT_EQ(commands<forward::OpenRelaySink>()[0].second->permit.narrowed()->group, "ward");
}

TEST_F(ControlForwardsTest, speakers_and_subscribers_are_told_across_rooms) {
  const SignalSessionId alice = publish({}, false);
  watch("hall", "bob");
  ASSERT_EQ(forward(), 200U);
  EXPECT_FALSE(last(alice, Response::kTrackSubscribed));
  const SignalSessionId carol = watch("hall", "carol");
  EXPECT_TRUE(last(alice, Response::kTrackSubscribed)) << "somebody there hears her";
  const auto published = commands<forward::Publish>();
  ASSERT_EQ(published.size(), 1U);
  event(WorkerIndex(0),
        forward::SpeakersChanged{.room = published[0].second->room,
                                 .speakers = {{.publication = published[0].second->publication,
                                               .level = 0.5F,
                                               .is_active = true}}});
  const auto speakers = last(carol, Response::kSpeakersChanged);
  ASSERT_TRUE(speakers);
  EXPECT_EQ(speakers->speakers_changed().speakers(0).sid(), seen(carol, "alice")->sid());
}

}  // namespace
}  // namespace meridian::node
