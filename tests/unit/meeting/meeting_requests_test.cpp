#include "meeting/limits.hpp"
#include "meeting/meeting.hpp"
#include "unit/meeting/meeting_fixture.hpp"

namespace meridian::meeting {
namespace {

using Reason = livekit::RequestResponse;

TEST_F(MeetingTest, answers_both_kinds_of_ping) {
  Client& alice = join_active("alice");
  livekit::SignalRequest ping;
  ping.set_ping(123);
  request(alice, ping);
  EXPECT_EQ(alice.last(Response::kPong)->pong(), now_.wall.milliseconds());
  ping.mutable_ping_req()->set_timestamp(456);
  request(alice, ping);
  EXPECT_EQ(alice.last(Response::kPongResp)->pong_resp().last_ping_timestamp(), 456);
  EXPECT_EQ(alice.last(Response::kPongResp)->pong_resp().timestamp(), now_.wall.milliseconds());
}

TEST_F(MeetingTest, broadcasts_metadata_and_says_that_it_did) {
  Client& alice = join_active("alice");
  const Client& bob = join_active("bob");
  livekit::SignalRequest update;
  auto& wanted = *update.mutable_update_metadata();
  wanted.set_request_id(9);
  wanted.set_name("Alice II");
  wanted.set_metadata("{}");
  (*wanted.mutable_attributes())["hand"] = "up";
  request(alice, update);
  EXPECT_EQ(alice.last(Response::kRequestResponse)->request_response().reason(), Reason::OK);
  EXPECT_EQ(alice.last(Response::kRequestResponse)->request_response().request_id(), 9U);
  for (const Client* client : std::initializer_list<const Client*>{&alice, &bob}) {
    EXPECT_EQ(client->seen("alice")->name(), "Alice II");
    EXPECT_EQ(client->seen("alice")->metadata(), "{}");
    EXPECT_EQ(client->seen("alice")->attributes().at("hand"), "up");
  }
  // Who is told that it is done has been told the change: the Rust SDK repeats what it knows of
  // itself.
  EXPECT_EQ(alice.received.back().message_case(), Response::kRequestResponse);
  wanted.Clear();
  (*wanted.mutable_attributes())["hand"] = "";
  request(alice, update);
  EXPECT_FALSE(bob.seen("alice")->attributes().contains("hand"));
  EXPECT_EQ(bob.seen("alice")->name(), "Alice II");
}

TEST_F(MeetingTest, refuses_metadata_without_the_right_or_beyond_limits) {
  livekit::ParticipantPermission plain = all_rights();
  plain.set_can_update_metadata(false);
  Client& bob = join_active("bob", {.permission = plain});
  livekit::SignalRequest update;
  update.mutable_update_metadata()->set_name("Robert");
  request(bob, update);
  EXPECT_EQ(bob.last(Response::kRequestResponse)->request_response().reason(), Reason::NOT_ALLOWED);
  Client& alice = join_active("alice");
  update.mutable_update_metadata()->set_metadata(std::string(limits_.metadata_size + 1, 'x'));
  request(alice, update);
  EXPECT_EQ(alice.last(Response::kRequestResponse)->request_response().reason(),
            Reason::LIMIT_EXCEEDED);
  EXPECT_EQ(participant(alice).info.name(), "Name of alice");
}

TEST_F(MeetingTest, lets_participants_leave_and_says_why) {
  const Client& bob = join_active("bob");
  Client& alice = join_active("alice");
  livekit::SignalRequest leave;
  leave.mutable_leave()->set_reason(livekit::USER_REJECTED);
  request(alice, leave);
  EXPECT_TRUE(alice.is_closed);
  EXPECT_EQ(bob.seen("alice")->state(), livekit::ParticipantInfo::DISCONNECTED);
  EXPECT_EQ(bob.seen("alice")->disconnect_reason(), livekit::USER_REJECTED);
  EXPECT_EQ(commands<forward::CloseTransport>().size(), 1U);
  EXPECT_EQ(workers_.find(WorkerIndex(0))->participants, 1U);
}

TEST_F(MeetingTest, counts_an_unexplained_leave_as_the_client_s_wish) {
  const Client& bob = join_active("bob");
  Client& alice = join_active("alice");
  livekit::SignalRequest leave;
  leave.mutable_leave()->set_reason(livekit::ROOM_DELETED);
  request(alice, leave);
  EXPECT_EQ(bob.seen("alice")->disconnect_reason(), livekit::CLIENT_INITIATED);
}

TEST_F(MeetingTest, tells_a_client_with_unknown_tracks_to_start_anew) {
  Client& alice = join_active("alice");
  const std::string sid = publish(alice, "mic", livekit::AUDIO);
  livekit::SignalRequest sync;
  sync.mutable_sync_state()->add_publish_tracks()->mutable_track()->set_sid(sid);
  request(alice, sync);
  EXPECT_FALSE(alice.is_closed);
  sync.mutable_sync_state()->add_publish_tracks()->mutable_track()->set_sid("TR_lost");
  request(alice, sync);
  EXPECT_EQ(alice.last(Response::kLeave)->leave().reason(), livekit::STATE_MISMATCH);
  EXPECT_EQ(alice.last(Response::kLeave)->leave().action(), livekit::LeaveRequest::RECONNECT);
}

TEST_F(MeetingTest, takes_over_what_a_resuming_client_had_switched_off) {
  Client& alice = join_active("alice");
  const std::string mic = publish(alice, "mic", livekit::AUDIO);
  const std::string cam = publish(alice, "cam", livekit::VIDEO);
  Client& bob = join_active("bob");
  livekit::SignalRequest sync;
  sync.mutable_sync_state()->mutable_subscription()->set_subscribe(false);
  sync.mutable_sync_state()->mutable_subscription()->add_track_sids(mic);
  sync.mutable_sync_state()->add_track_sids_disabled(cam);
  request(bob, sync);
  EXPECT_EQ(participant(bob).subscriptions.size(), 1U);
  EXPECT_FALSE(participant(bob).subscriptions.begin()->second.target.is_enabled);
}

TEST_F(MeetingTest, plays_the_failures_that_clients_test_with) {
  livekit::SignalRequest simulate;
  Client& one = join_active("one");
  simulate.mutable_simulate()->set_server_leave(true);
  request(one, simulate);
  EXPECT_EQ(one.last(Response::kLeave)->leave().action(), livekit::LeaveRequest::DISCONNECT);
  Client& two = join_active("two");
  simulate.mutable_simulate()->set_leave_request_full_reconnect(true);
  request(two, simulate);
  EXPECT_EQ(two.last(Response::kLeave)->leave().action(), livekit::LeaveRequest::RECONNECT);
  Client& three = join_active("three");
  simulate.mutable_simulate()->set_node_failure(true);
  request(three, simulate);
  EXPECT_TRUE(three.is_closed);
  EXPECT_EQ(three.count(Response::kLeave), 0U);
  EXPECT_TRUE(meeting_->room().roster.empty());
}

TEST_F(MeetingTest, can_spoil_the_next_resume) {
  Client& alice = join_active("alice");
  livekit::SignalRequest simulate;
  simulate.mutable_simulate()->set_disconnect_signal_on_resume_no_messages(true);
  request(alice, simulate);
  EXPECT_TRUE(alice.is_closed);
  for (int attempt = 0; attempt < 2; ++attempt) {
    Client& again = clients_["again" + std::to_string(attempt)];
    again.session = SignalSessionId(static_cast<std::uint64_t>(60 + attempt));
    again.sid = alice.sid;
    ResumeArguments arguments{
        .session = again.session, .identity = Identity("alice"), .request = {}, .make_token = {}};
    ASSERT_TRUE(meeting_->resume(std::move(arguments), now_).has_value());
    drain();
    EXPECT_EQ(again.is_closed, attempt == 0);
    EXPECT_EQ(again.received.empty(), attempt == 0);
  }
}

TEST_F(MeetingTest, ignores_requests_of_a_connection_that_was_replaced) {
  const Client& alice = join_active("alice");
  livekit::SignalRequest leave;
  leave.mutable_leave();
  meeting_->handle_request(alice.sid, SignalSessionId(77), leave, now_);
  meeting_->handle_request(ParticipantSid("PA_nobody"), alice.session, leave, now_);
  EXPECT_NE(meeting_->room().roster.find(alice.sid), nullptr);
}

TEST_F(MeetingTest, takes_candidates_and_what_it_needs_not_in_silence) {
  Client& alice = join_active("alice");
  const std::size_t before = alice.received.size();
  livekit::SignalRequest message;
  message.mutable_trickle()->set_candidateinit("{}");
  request(alice, message);
  message.mutable_answer();
  request(alice, message);
  message.mutable_update_layers();
  request(alice, message);
  message.mutable_simulate()->set_subscriber_bandwidth(1);
  request(alice, message);
  EXPECT_EQ(alice.received.size(), before);
}

TEST_F(MeetingTest, simulates_a_narrow_way_to_a_subscriber) {
  Client& alice = join_active("alice");
  livekit::SignalRequest message;
  message.mutable_simulate()->set_subscriber_bandwidth(300'000);
  request(alice, message);
  ASSERT_EQ(commands<forward::LimitDownlink>().size(), 1U);
  EXPECT_EQ(commands<forward::LimitDownlink>()[0].second->transport,
            participant(alice).uplink.transport);
  EXPECT_EQ(commands<forward::LimitDownlink>()[0].second->limit, Bitrate(300'000));
  message.mutable_simulate()->set_subscriber_bandwidth(0);
  request(alice, message);
  EXPECT_EQ(commands<forward::LimitDownlink>()[1].second->limit, std::nullopt);
}

TEST_F(MeetingTest, simulates_somebody_who_speaks) {
  Client& alice = join_active("alice");
  livekit::SignalRequest message;
  message.mutable_simulate()->set_speaker_update(5);
  request(alice, message);
  ASSERT_EQ(alice.count(Response::kSpeakersChanged), 1U);
  EXPECT_TRUE(alice.last(Response::kSpeakersChanged)->speakers_changed().speakers(0).active());
  advance(5s);
  ASSERT_EQ(alice.count(Response::kSpeakersChanged), 2U);
  EXPECT_FALSE(alice.last(Response::kSpeakersChanged)->speakers_changed().speakers(0).active());
}

}  // namespace
}  // namespace meridian::meeting
