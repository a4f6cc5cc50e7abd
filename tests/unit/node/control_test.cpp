#include "node/control.hpp"

#include "unit/node/control_fixture.hpp"

namespace meridian::node {
namespace {

TEST_F(ControlTest, gives_workers_the_policies_before_anything_else) {
  drain();
  ASSERT_EQ(commands<forward::ApplyPolicy>().size(), 2U);
  const auto snapshot = commands<forward::ApplyPolicy>()[0].second->snapshot;
  EXPECT_EQ(snapshot->generation(), policy_.load());
  join({});
  EXPECT_TRUE(snapshot->admits(commands<forward::OpenTransport>()[0].second->permit));
}

TEST_F(ControlTest, records_its_start_and_every_permit) {
  const auto started = control_->take_audit_lines();
  ASSERT_EQ(started.size(), 6U);
  EXPECT_TRUE(started[0].contains("node_started"));
  EXPECT_TRUE(started[4].contains("key_published"));
  EXPECT_TRUE(started[5].contains("checkpoint"));
  join({});
  const auto joined = control_->take_audit_lines();
  ASSERT_EQ(joined.size(), 1U);
  EXPECT_TRUE(joined[0].contains("permit_granted"));
  EXPECT_TRUE(joined[0].contains("uk-london"));
  EXPECT_FALSE(joined[0].contains("alice")) << "no identities";
  EXPECT_FALSE(joined[0].contains("standup"));
}

TEST_F(ControlTest, answers_text_with_text) {
  const SignalSessionId session = join({});
  control_->handle_frame(session, as_bytes(R"({"pingReq":{"timestamp":"7"}})"), FrameKind::kText,
                         now_);
  drain();
  ASSERT_EQ(texts_[session].size(), 1U);
  EXPECT_TRUE(texts_[session][0].starts_with(R"({"pongResp":{"lastPingTimestamp":"7")"));
}

TEST_F(ControlTest, explains_undecodable_messages_and_keeps_the_room) {
  const SignalSessionId alice = join({});
  const SignalSessionId bob = join({.identity = "bob"});
  for (int i = 0; i < 101; ++i) {
    control_->handle_frame(alice, as_bytes("\xff\xff"), FrameKind::kBinary, now_);
    drain();
  }
  EXPECT_EQ(last(alice, Response::kRequestResponse)->request_response().reason(),
            livekit::RequestResponse::INVALID_REQUEST);
  EXPECT_TRUE(is_closed(alice));
  EXPECT_EQ(last(alice, Response::kLeave)->leave().action(), livekit::LeaveRequest::DISCONNECT);
  EXPECT_FALSE(is_closed(bob));
  EXPECT_EQ(control_->counters().undecodable_frames, 101U);
  livekit::SignalRequest ping;
  ping.set_ping(1);
  send(bob, ping);
  EXPECT_TRUE(last(bob, Response::kPong).has_value());
}

TEST_F(ControlTest, keeps_accounts_apart) {
  const SignalSessionId acme = join({.account = "acme", .identity = "alice"});
  const SignalSessionId other = join({.account = "uk-only", .identity = "alice"});
  EXPECT_FALSE(is_closed(acme)) << "the same identity of another account";
  EXPECT_EQ(control_->counters().rooms_now, 2U);
  EXPECT_EQ(last(other, Response::kJoin)->join().other_participants_size(), 0);
  EXPECT_NE(last(acme, Response::kJoin)->join().room().sid(),
            last(other, Response::kJoin)->join().room().sid());
  // Ids of the other account's room find nothing.
  livekit::SignalRequest wish;
  wish.mutable_subscription()->set_subscribe(true);
  livekit::SignalRequest track;
  track.mutable_add_track()->set_cid("mic");
  send(acme, track);
  const std::string sid = last(acme, Response::kTrackPublished)->track_published().track().sid();
  wish.mutable_subscription()->add_track_sids(sid);
  send(other, wish);
  EXPECT_EQ(last(other, Response::kSubscriptionResponse)->subscription_response().err(),
            livekit::SE_TRACK_NOTFOUND);
  livekit::SignalRequest mute;
  mute.mutable_mute()->set_sid(sid);
  send(other, mute);
  EXPECT_EQ(last(other, Response::kRequestResponse)->request_response().reason(),
            livekit::RequestResponse::NOT_FOUND);
}

TEST_F(ControlTest, routes_events_to_the_meeting_they_are_about) {
  const SignalSessionId alice = join({});
  const SignalSessionId other = join({.account = "uk-only", .identity = "zoe"});
  const TransportId transport = commands<forward::OpenTransport>()[0].second->transport;
  control_->handle_event(
      WorkerIndex(0),
      forward::TransportStateChanged{transport, forward::TransportState::kConnected, {}}, now_);
  drain();
  EXPECT_EQ(last(alice, Response::kUpdate)->update().participants(0).state(),
            livekit::ParticipantInfo::ACTIVE);
  EXPECT_FALSE(last(other, Response::kUpdate).has_value());
  EXPECT_EQ(control_->take_sctp_commands().size(), 1U);
  control_->handle_sctp_event(
      sctp::ChannelOpened{transport, sctp::ChannelId(0), sctp::Opener::kPeer, {}}, now_);
  control_->handle_event(WorkerIndex(0), forward::SpeakersChanged{RoomNumber(99), {}}, now_);
  drain();
}

TEST_F(ControlTest, forgets_rooms_that_stay_empty) {
  const SignalSessionId alice = join({});
  livekit::SignalRequest leave;
  leave.mutable_leave();
  send(alice, leave);
  EXPECT_TRUE(is_closed(alice));
  EXPECT_EQ(control_->counters().participants_now, 0U);
  EXPECT_EQ(control_->counters().rooms_now, 1U);
  for (int i = 0; i < 20 && control_->counters().rooms_now > 0; ++i) {
    now_.monotonic = std::max(now_.monotonic, control_->next_timeout());
    control_->handle_timeout(now_);
  }
  EXPECT_EQ(control_->counters().rooms_now, 0U);
  EXPECT_GT(control_->next_timeout(), now_.monotonic);  // only the lease is left
}

TEST_F(ControlTest, renews_the_lease_each_second_and_not_while_it_is_not_asked) {
  const residency::Lease& lease = policy_.lease();
  EXPECT_TRUE(lease.covers(policy_.load(), now_.monotonic + 2999ms));
  EXPECT_FALSE(lease.covers(policy_.load(), now_.monotonic + 3s));
  EXPECT_LE(control_->next_timeout(), now_.monotonic + 1s);
  now_.monotonic = now_.monotonic + 1s;
  control_->handle_timeout(now_);
  EXPECT_EQ(lease.until(), now_.monotonic + residency::Lease::kTerm);
  now_.monotonic = now_.monotonic + 10s;  // hung
  EXPECT_FALSE(lease.covers(policy_.load(), now_.monotonic));
  control_->handle_timeout(now_);
  EXPECT_TRUE(lease.covers(policy_.load(), now_.monotonic));
}

TEST_F(ControlTest, shuts_down_by_sending_everyone_elsewhere) {
  const SignalSessionId alice = join({});
  control_->begin_shutdown(now_);
  drain();
  EXPECT_TRUE(is_closed(alice));
  EXPECT_EQ(last(alice, Response::kLeave)->leave().reason(), livekit::SERVER_SHUTDOWN);
  EXPECT_EQ(last(alice, Response::kLeave)->leave().action(), livekit::LeaveRequest::RECONNECT);
  EXPECT_EQ(open({}, join_request()).error().status, 503U);
  EXPECT_EQ(http(get("/readyz")).status, 503U);
  EXPECT_EQ(http(get("/healthz")).status, 200U);
  EXPECT_EQ(control_->counters().participants_now, 0U);
}

TEST_F(ControlTest, logs_ids_and_never_names) {
  join({});
  (void)open({.account = "uk-only", .at = kVirginia}, join_request());
  const auto events = control_->take_log_events();
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0].event, "room_created");
  EXPECT_EQ(events[1].event, "participant_joined");
  EXPECT_EQ(events[2].event, "join_refused");
  for (const LogEvent& event : events) {
    for (const auto& [key, value] : event.fields) {
      EXPECT_FALSE(value.contains("alice")) << key;
      EXPECT_FALSE(value.contains("standup")) << key;
    }
  }
}

}  // namespace
}  // namespace meridian::node
