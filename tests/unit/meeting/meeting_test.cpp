#include "meeting/meeting.hpp"

#include "meeting/limits.hpp"
#include "unit/meeting/meeting_fixture.hpp"

namespace meridian::meeting {
namespace {

TEST_F(MeetingTest, greets_with_join_then_a_token_and_the_answer) {
  const Client& alice = join("alice");
  ASSERT_GE(alice.received.size(), 4U);
  const livekit::JoinResponse& join = alice.received[0].join();
  EXPECT_EQ(join.room().name(), "standup");
  EXPECT_EQ(join.room().sid(), "RM_1");
  EXPECT_EQ(join.participant().identity(), "alice");
  EXPECT_EQ(join.participant().name(), "Name of alice");
  EXPECT_EQ(join.participant().state(), livekit::ParticipantInfo::JOINED);
  EXPECT_EQ(join.participant().region(), "uk-london");
  EXPECT_EQ(join.participant().client_protocol(), 2);
  EXPECT_TRUE(join.participant().permission().can_publish());
  EXPECT_EQ(join.server_info().region(), "uk-london");
  EXPECT_EQ(join.server_info().protocol(), 17);
  EXPECT_EQ(join.ping_interval(), 5);
  EXPECT_EQ(join.ping_timeout(), 15);
  EXPECT_FALSE(join.subscriber_primary());
  EXPECT_TRUE(join.fast_publish());
  EXPECT_TRUE(join.enabled_publish_codecs().empty());
  EXPECT_FALSE(join.sif_trailer().empty());
  EXPECT_EQ(alice.received[1].refresh_token(), "token of alice for standup");
  const livekit::SessionDescription answer = alice.last(Response::kAnswer)->answer();
  EXPECT_EQ(answer.type(), "answer");
  EXPECT_EQ(answer.id(), 1U);
  EXPECT_TRUE(answer.sdp().contains("192.0.2.1 7882"));
  EXPECT_TRUE(alice.last(Response::kTrickle)->trickle().final());
  EXPECT_TRUE(alice.last(Response::kTrickle)
                  ->trickle()
                  .candidateinit()
                  .contains(R"("sdpMid":"0","sdpMLineIndex":0)"));
  ASSERT_EQ(commands<forward::OpenTransport>().size(), 1U);
  EXPECT_EQ(commands<forward::OpenTransport>()[0].first, WorkerIndex(0));
  EXPECT_EQ(commands<forward::OpenTransport>()[0].second->permit.region(), kLondon);
}

// The Go SDK reads answers before it has set its own offer, and would never connect.
TEST_F(MeetingTest, answers_the_go_sdk_a_moment_after_its_join) {
  const Client& alice = join("alice", {.sdk = livekit::ClientInfo::GO});
  EXPECT_EQ(alice.count(Response::kJoin), 1U);
  EXPECT_EQ(alice.count(Response::kAnswer), 0U);
  advance(49ms);
  EXPECT_EQ(alice.count(Response::kAnswer), 0U);
  advance(1ms);
  EXPECT_EQ(alice.count(Response::kAnswer), 1U);
  EXPECT_EQ(alice.count(Response::kLeave), 0U);
}

TEST_F(MeetingTest, a_newer_offer_replaces_one_that_waits) {
  Client& alice = join("alice", {.sdk = livekit::ClientInfo::GO});
  offer(alice);
  EXPECT_EQ(alice.count(Response::kAnswer), 1U);
  advance(1s);
  EXPECT_EQ(alice.count(Response::kAnswer), 1U);
}

TEST_F(MeetingTest, introduces_participants_to_each_other) {
  Client& alice = join_active("alice");
  const Client& bob = join("bob");
  ASSERT_EQ(bob.received[0].join().other_participants_size(), 1);
  EXPECT_EQ(bob.received[0].join().other_participants(0).identity(), "alice");
  EXPECT_EQ(bob.received[0].join().other_participants(0).state(), livekit::ParticipantInfo::ACTIVE);
  ASSERT_TRUE(alice.seen("bob").has_value());
  EXPECT_EQ(alice.seen("bob")->state(), livekit::ParticipantInfo::JOINED);
  transport_state(clients_.at("bob#2"), forward::TransportState::kConnected);
  EXPECT_EQ(alice.seen("bob")->state(), livekit::ParticipantInfo::ACTIVE);
  EXPECT_EQ(bob.seen("bob")->state(), livekit::ParticipantInfo::ACTIVE);
}

TEST_F(MeetingTest, hides_the_hidden) {
  livekit::ParticipantPermission hidden = all_rights();
  hidden.set_hidden(true);
  const Client& alice = join_active("alice");
  const Client& ghost = join_active("ghost", {.permission = hidden});
  const Client& bob = join("bob");
  EXPECT_FALSE(alice.seen("ghost").has_value());
  EXPECT_FALSE(bob.seen("ghost").has_value());
  EXPECT_TRUE(ghost.seen("ghost").has_value());
  EXPECT_EQ(bob.received[0].join().room().num_participants(), 2U);
}

TEST_F(MeetingTest, replaces_a_participant_of_the_same_identity) {
  const Client& bob = join_active("bob");
  const Client& first = join_active("alice");
  const Client& second = join("alice");
  EXPECT_EQ(first.last(Response::kLeave)->leave().reason(), livekit::DUPLICATE_IDENTITY);
  EXPECT_EQ(first.last(Response::kLeave)->leave().action(), livekit::LeaveRequest::DISCONNECT);
  EXPECT_TRUE(first.is_closed);
  EXPECT_FALSE(second.is_closed);
  EXPECT_EQ(bob.seen("alice")->sid(), second.sid.value());
  EXPECT_NE(bob.seen("alice")->state(), livekit::ParticipantInfo::DISCONNECTED);
  EXPECT_EQ(meeting_->room().roster.size(), 2U);
  EXPECT_EQ(commands<forward::CloseTransport>().size(), 1U);
}

TEST_F(MeetingTest, tells_old_clients_of_a_replaced_participant) {
  const Client& old_client = join_active("bob", {.protocol = 9});
  const Client& first = join_active("alice");
  join("alice");
  bool saw_it_go = false;
  for (const auto& message : old_client.all(Response::kUpdate)) {
    for (const auto& info : message.update().participants()) {
      saw_it_go = saw_it_go || (info.sid() == first.sid.value() &&
                                info.state() == livekit::ParticipantInfo::DISCONNECTED);
    }
  }
  EXPECT_TRUE(saw_it_go);
}

TEST_F(MeetingTest, refuses_more_than_the_room_takes) {
  limits_.participants_per_room = 1;
  join("alice");
  JoinArguments arguments{.session = SignalSessionId(99),
                          .sid = ParticipantSid("PA_x"),
                          .grant = {},
                          .request = {},
                          .permit = permit(kLondon),
                          .make_token = {}};
  arguments.grant.identity = Identity("bob");
  const auto joined = meeting_->join(std::move(arguments), now_);
  ASSERT_FALSE(joined.has_value());
  EXPECT_EQ(joined.error(), JoinError::kRoomFull);
}

TEST_F(MeetingTest, resumes_with_reconnect_first_and_everybody_s_state) {
  Client& alice = join_active("alice");
  Client& bob = join_active("bob");
  Client& carol = join_active("carol");
  meeting_->handle_signal_closed(alice.sid, alice.session, now_);
  livekit::SignalRequest leave;
  leave.mutable_leave();
  request(carol, leave);
  Client& resumed = clients_["alice again"];
  resumed.session = SignalSessionId(50);
  resumed.sid = alice.sid;
  ResumeArguments arguments{
      .session = resumed.session, .identity = Identity("alice"), .request = {}, .make_token = {}};
  arguments.request.set_reconnect(true);
  arguments.request.set_participant_sid(alice.sid.value());
  const auto result = meeting_->resume(std::move(arguments), now_);
  drain();
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(*result, alice.sid);
  ASSERT_TRUE(resumed.received.at(0).has_reconnect());
  EXPECT_EQ(resumed.received[0].reconnect().server_info().node_id(), "ND_test");
  EXPECT_EQ(resumed.seen("carol")->state(), livekit::ParticipantInfo::DISCONNECTED);
  EXPECT_EQ(resumed.seen("bob")->state(), livekit::ParticipantInfo::ACTIVE);
  EXPECT_EQ(resumed.seen("alice")->sid(), alice.sid.value());
  EXPECT_NE(bob.seen("alice")->state(), livekit::ParticipantInfo::DISCONNECTED);
}

TEST_F(MeetingTest, does_not_resume_strangers) {
  const Client& alice = join_active("alice");
  ResumeArguments unknown{
      .session = SignalSessionId(50), .identity = Identity("zoe"), .request = {}, .make_token = {}};
  EXPECT_FALSE(meeting_->resume(std::move(unknown), now_).has_value());
  ResumeArguments other_session{.session = SignalSessionId(51),
                                .identity = Identity("alice"),
                                .request = {},
                                .make_token = {}};
  other_session.request.set_participant_sid("PA_of_before");
  EXPECT_FALSE(meeting_->resume(std::move(other_session), now_).has_value());
  EXPECT_FALSE(alice.is_closed);
}

TEST_F(MeetingTest, drops_whoever_loses_signalling_before_media_came_up) {
  const Client& bob = join_active("bob");
  const Client& alice = join("alice");
  meeting_->handle_signal_closed(alice.sid, alice.session, now_);
  drain();
  EXPECT_EQ(bob.seen("alice")->state(), livekit::ParticipantInfo::DISCONNECTED);
  EXPECT_EQ(bob.seen("alice")->disconnect_reason(), livekit::SIGNAL_CLOSE);
  EXPECT_EQ(workers_.find(WorkerIndex(0))->participants, 1U);
}

TEST_F(MeetingTest, ignores_the_close_of_a_connection_that_was_replaced) {
  const Client& alice = join_active("alice");
  meeting_->handle_signal_closed(alice.sid, SignalSessionId(77), now_);
  EXPECT_NE(meeting_->room().roster.find(alice.sid), nullptr);
}

TEST_F(MeetingTest, closes_with_a_reason_for_everyone) {
  const Client& alice = join_active("alice");
  const Client& bob = join_active("bob");
  meeting_->close(livekit::SERVER_SHUTDOWN, livekit::LeaveRequest::RECONNECT, now_);
  drain();
  for (const Client* client : std::initializer_list<const Client*>{&alice, &bob}) {
    EXPECT_EQ(client->last(Response::kLeave)->leave().reason(), livekit::SERVER_SHUTDOWN);
    EXPECT_EQ(client->last(Response::kLeave)->leave().action(), livekit::LeaveRequest::RECONNECT);
    EXPECT_TRUE(client->last(Response::kLeave)->leave().can_reconnect());
    EXPECT_TRUE(client->is_closed);
  }
  EXPECT_TRUE(meeting_->room().roster.empty());
}

TEST_F(MeetingTest, evicts_only_those_outside_the_permitted_regions) {
  const Client& alice = join_active("alice");
  const Client& bob = join_active("bob", {.region = kFrankfurt});
  const auto evicted = meeting_->evict(
      [](const Participant& participant) { return participant.region == kLondon; }, now_);
  drain();
  ASSERT_EQ(evicted.size(), 1U);
  EXPECT_TRUE(evicted[0].was_told);
  EXPECT_FALSE(alice.is_closed);
  EXPECT_TRUE(bob.is_closed);
  EXPECT_EQ(bob.last(Response::kLeave)->leave().action(), livekit::LeaveRequest::RECONNECT);
  EXPECT_EQ(alice.seen("bob")->state(), livekit::ParticipantInfo::DISCONNECTED);
}

TEST_F(MeetingTest, who_is_asked_to_move_stays_until_they_go) {
  const Client& alice = join_active("alice");
  const Client& bob = join_active("bob", {.region = kFrankfurt});
  const auto stays = [](const Participant& participant) { return participant.region == kLondon; };
  EXPECT_EQ(meeting_->ask_to_move(stays, PolicyEpoch(2), 10, now_), 1U);
  drain();
  EXPECT_FALSE(alice.last(Response::kLeave).has_value());
  EXPECT_EQ(bob.last(Response::kLeave)->leave().action(), livekit::LeaveRequest::RECONNECT);
  EXPECT_FALSE(bob.is_closed);
  EXPECT_NE(meeting_->find(Identity("bob")), nullptr);
}

TEST_F(MeetingTest, asks_no_more_people_to_move_than_it_should_and_each_once) {
  for (const char* identity : {"ann", "ben", "cat"}) {
    join_active(identity, {.region = kFrankfurt});
  }
  const auto nobody = [](const Participant&) { return false; };
  EXPECT_EQ(meeting_->ask_to_move(nobody, PolicyEpoch(2), 2, now_), 2U);
  EXPECT_EQ(meeting_->ask_to_move(nobody, PolicyEpoch(2), 2, now_), 1U);
  EXPECT_EQ(meeting_->ask_to_move(nobody, PolicyEpoch(2), 2, now_), 0U);
  EXPECT_EQ(meeting_->ask_to_move(nobody, PolicyEpoch(3), 5, now_), 3U);
}

TEST_F(MeetingTest, finishes_after_it_was_empty_for_a_while) {
  EXPECT_FALSE(meeting_->is_finished(now_.monotonic + kEmptyTimeout - 1ms));
  EXPECT_TRUE(meeting_->is_finished(now_.monotonic + kEmptyTimeout));
  Client& alice = join_active("alice");
  EXPECT_FALSE(meeting_->is_finished(now_.monotonic + 10000s));
  livekit::SignalRequest leave;
  leave.mutable_leave();
  request(alice, leave);
  EXPECT_FALSE(meeting_->is_finished(now_.monotonic + kDepartureTimeout - 1ms));
  EXPECT_TRUE(meeting_->is_finished(now_.monotonic + kDepartureTimeout));
}

}  // namespace
}  // namespace meridian::meeting
