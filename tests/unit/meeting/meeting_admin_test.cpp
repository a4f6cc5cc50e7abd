// What the server API does to a meeting.
#include "unit/meeting/meeting_fixture.hpp"

namespace meridian::meeting {
namespace {

class MeetingAdminTest : public MeetingTest {
 protected:
  AdminResult<livekit::ParticipantInfo> permit(const std::string& identity,
                                               const livekit::ParticipantPermission& permission) {
    livekit::UpdateParticipantRequest request;
    request.set_identity(identity);
    *request.mutable_permission() = permission;
    auto result = meeting_->update_participant(request, now_);
    drain();
    return result;
  }
  static livekit::DataPacket decode(const sctp::Send& send) {
    livekit::DataPacket packet;
    EXPECT_TRUE(packet.ParseFromArray(send.bytes->data(), static_cast<int>(send.bytes->size())));
    return packet;
  }
  void send(const Client& from, const livekit::DataPacket& packet) {
    std::vector<std::uint8_t> bytes(packet.ByteSizeLong());
    packet.SerializeToArray(bytes.data(), static_cast<int>(bytes.size()));
    sctp_event(sctp::MessageReceived{participant(from).uplink.transport, sctp::ChannelId(0),
                                     sctp::Payload::kBinary, std::move(bytes)});
  }
};

TEST_F(MeetingAdminTest, removes_people) {
  Client& alice = join_active("alice");
  Client& bob = join_active("bob");
  ASSERT_TRUE(meeting_->remove_participant(Identity("alice"), now_));
  drain();
  const auto leave = alice.last(Response::kLeave);
  ASSERT_TRUE(leave);
  EXPECT_EQ(leave->leave().reason(), livekit::PARTICIPANT_REMOVED);
  EXPECT_EQ(leave->leave().action(), livekit::LeaveRequest::DISCONNECT);
  EXPECT_TRUE(alice.is_closed);
  EXPECT_EQ(bob.seen("alice")->state(), livekit::ParticipantInfo::DISCONNECTED);
  EXPECT_EQ(meeting_->remove_participant(Identity("alice"), now_).error(),
            AdminError::kNoParticipant);
}

TEST_F(MeetingAdminTest, mutes_a_track_and_tells_its_publisher) {
  Client& alice = join_active("alice");
  Client& bob = join_active("bob");
  livekit::MuteRoomTrackRequest request;
  request.set_identity("alice");
  request.set_track_sid(publish(alice, "mic", livekit::AUDIO));
  request.set_muted(true);
  const auto track = meeting_->mute_track(request, now_);
  drain();
  ASSERT_TRUE(track);
  EXPECT_TRUE(track->muted());
  EXPECT_TRUE(alice.last(Response::kMute)->mute().muted());
  EXPECT_EQ(alice.last(Response::kMute)->mute().sid(), request.track_sid());
  EXPECT_TRUE(bob.seen("alice")->tracks(0).muted());
  EXPECT_TRUE(commands<forward::MutePublication>().back().second->is_muted);
  request.set_track_sid("TR_none");
  EXPECT_EQ(meeting_->mute_track(request, now_).error(), AdminError::kNoTrack);
}

TEST_F(MeetingAdminTest, updates_what_others_see_and_the_token) {
  Client& alice = join_active("alice");
  Client& bob = join_active("bob");
  const std::size_t tokens = alice.count(Response::kRefreshToken);
  livekit::UpdateParticipantRequest request;
  request.set_identity("alice");
  request.set_metadata("new");
  (*request.mutable_attributes())["hand"] = "up";
  const auto info = meeting_->update_participant(request, now_);
  drain();
  ASSERT_TRUE(info);
  EXPECT_EQ(info->metadata(), "new");
  EXPECT_EQ(info->name(), "Name of alice") << "not mentioned, not changed";
  EXPECT_EQ(bob.seen("alice")->attributes().at("hand"), "up");
  EXPECT_EQ(alice.seen("alice")->metadata(), "new");
  EXPECT_EQ(alice.count(Response::kRefreshToken), tokens + 1);
  (*request.mutable_attributes())["hand"] = "";
  EXPECT_TRUE(meeting_->update_participant(request, now_)->attributes().empty());
  request.set_metadata(std::string(limits_.metadata_size + 1, 'x'));
  EXPECT_EQ(meeting_->update_participant(request, now_).error(), AdminError::kTooLarge);
}

TEST_F(MeetingAdminTest, who_may_not_publish_any_more_has_no_tracks) {
  Client& alice = join_active("alice");
  Client& bob = join_active("bob");
  const std::string mic = publish(alice, "mic", livekit::AUDIO);
  const std::string camera = publish(alice, "camera", livekit::VIDEO);
  renegotiate(bob);
  forget_commands();
  livekit::ParticipantPermission permission = all_rights();
  permission.add_can_publish_sources(livekit::MICROPHONE);
  ASSERT_TRUE(permit("alice", permission));
  EXPECT_EQ(alice.last(Response::kTrackUnpublished)->track_unpublished().track_sid(), camera);
  ASSERT_EQ(bob.seen("alice")->tracks_size(), 1);
  EXPECT_EQ(bob.seen("alice")->tracks(0).sid(), mic);
  EXPECT_EQ(commands<forward::Unpublish>().size(), 1U);
  permission.set_can_publish(false);
  ASSERT_TRUE(permit("alice", permission));
  EXPECT_EQ(bob.seen("alice")->tracks_size(), 0);
  EXPECT_FALSE(bob.seen("alice")->permission().can_publish());
  add_track(alice, "again", livekit::AUDIO, livekit::MICROPHONE);
  EXPECT_EQ(alice.last(Response::kRequestResponse)->request_response().reason(),
            livekit::RequestResponse::NOT_ALLOWED);
}

TEST_F(MeetingAdminTest, who_may_not_subscribe_any_more_gets_nothing_until_it_may) {
  Client& alice = join_active("alice");
  Client& bob = join_active("bob");
  publish(alice, "mic", livekit::AUDIO);
  renegotiate(bob);
  ASSERT_EQ(meeting_->subscriptions(), 1U);
  livekit::ParticipantPermission permission = all_rights();
  permission.set_can_subscribe(false);
  ASSERT_TRUE(permit("bob", permission));
  EXPECT_EQ(meeting_->subscriptions(), 0U);
  ASSERT_TRUE(permit("bob", all_rights()));
  renegotiate(bob);
  EXPECT_EQ(meeting_->subscriptions(), 1U);
}

TEST_F(MeetingAdminTest, who_becomes_hidden_leaves_for_the_others_and_comes_back) {
  join_active("alice");
  Client& bob = join_active("bob");
  livekit::ParticipantPermission permission = all_rights();
  permission.set_hidden(true);
  ASSERT_TRUE(permit("alice", permission));
  EXPECT_EQ(bob.seen("alice")->state(), livekit::ParticipantInfo::DISCONNECTED);
  ASSERT_TRUE(permit("alice", all_rights()));
  EXPECT_EQ(bob.seen("alice")->state(), livekit::ParticipantInfo::ACTIVE);
}

TEST_F(MeetingAdminTest, data_tracks_end_with_the_permission) {
  Client& alice = join_active("alice");
  Client& bob = join_active("bob");
  livekit::SignalRequest message;
  message.mutable_publish_data_track_request()->set_pub_handle(1);
  message.mutable_publish_data_track_request()->set_name("sensor");
  request(alice, message);
  ASSERT_EQ(bob.seen("alice")->data_tracks_size(), 1);
  livekit::ParticipantPermission permission = all_rights();
  permission.set_can_publish_data(false);
  ASSERT_TRUE(permit("alice", permission));
  EXPECT_EQ(bob.seen("alice")->data_tracks_size(), 0);
  EXPECT_EQ(alice.count(Response::kUnpublishDataTrackResponse), 1U);
}

TEST_F(MeetingAdminTest, changes_subscriptions) {
  Client& alice = join_active("alice");
  Client& bob = join_active("bob");
  const std::string mic = publish(alice, "mic", livekit::AUDIO);
  renegotiate(bob);
  livekit::UpdateSubscriptionsRequest request;
  request.set_identity("bob");
  request.add_track_sids(mic);
  ASSERT_TRUE(meeting_->update_subscriptions(request, now_));
  drain();
  EXPECT_EQ(meeting_->subscriptions(), 0U);
  request.set_identity("nobody");
  EXPECT_FALSE(meeting_->update_subscriptions(request, now_));
}

TEST_F(MeetingAdminTest, sends_data_from_nobody_once_for_a_nonce) {
  Client& alice = join_active("alice");
  Client& bob = join_active("bob");
  open_channel(alice, 0, "_reliable");
  open_channel(bob, 0, "_reliable");
  take_sends();
  livekit::SendDataRequest request;
  request.set_data("hello");
  request.set_topic("news");
  request.set_nonce("0123456789abcdef");
  request.add_destination_identities("bob");
  ASSERT_TRUE(meeting_->send_data(request, now_));
  ASSERT_TRUE(meeting_->send_data(request, now_));
  const auto sends = take_sends();
  ASSERT_EQ(sends.size(), 1U);
  EXPECT_EQ(sends[0].transport, participant(bob).uplink.transport);
  const livekit::DataPacket packet = decode(sends[0]);
  EXPECT_EQ(packet.participant_identity(), "");
  EXPECT_EQ(packet.user().payload(), "hello");
  EXPECT_EQ(packet.user().topic(), "news");
  request.set_nonce("other-nonce-0000");
  request.set_data(std::string(limits_.data_packet_size, 'x'));
  EXPECT_EQ(meeting_->send_data(request, now_).error(), AdminError::kTooLarge);
}

TEST_F(MeetingAdminTest, tells_new_metadata_at_once) {
  Client& alice = join_active("alice");
  ASSERT_TRUE(meeting_->set_metadata("agenda", now_));
  drain();
  EXPECT_EQ(alice.last(Response::kRoomUpdate)->room_update().room().metadata(), "agenda");
  EXPECT_EQ(meeting_->set_metadata(std::string(limits_.metadata_size + 1, 'x'), now_).error(),
            AdminError::kTooLarge);
}

TEST_F(MeetingAdminTest, calls_methods_of_clients) {
  Client& alice = join_active("alice");
  Client& bob = join_active("bob");
  open_channel(alice, 0, "_reliable");
  open_channel(bob, 0, "_reliable");
  take_sends();
  livekit::PerformRpcRequest request;
  request.set_destination_identity("alice");
  request.set_method("greet");
  request.set_payload("hi");
  request.set_response_timeout_ms(5000);
  ASSERT_TRUE(meeting_->perform_rpc(request, RpcTicket(7), now_));
  const auto sends = take_sends();
  ASSERT_EQ(sends.size(), 1U);
  const livekit::DataPacket packet = decode(sends[0]);
  EXPECT_EQ(packet.rpc_request().method(), "greet");
  EXPECT_EQ(packet.rpc_request().version(), 1U);
  livekit::DataPacket answer;
  answer.add_destination_identities(packet.participant_identity());
  answer.mutable_rpc_response()->set_request_id(packet.rpc_request().id());
  answer.mutable_rpc_response()->set_payload("hello");
  send(alice, answer);
  EXPECT_TRUE(take_sends().empty()) << "for us alone";
  ASSERT_EQ(outbox_.rpcs.size(), 1U);
  EXPECT_EQ(outbox_.rpcs[0].ticket, RpcTicket(7));
  EXPECT_EQ(std::get<std::string>(outbox_.rpcs[0].result), "hello");
  outbox_.rpcs.clear();
  ASSERT_TRUE(meeting_->perform_rpc(request, RpcTicket(8), now_));
  advance(5s);
  ASSERT_EQ(outbox_.rpcs.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<RpcOutcome::TimedOut>(outbox_.rpcs[0].result));
  request.set_payload(std::string(ServerRpcs::kMaxPayload + 1, 'x'));
  EXPECT_EQ(meeting_->perform_rpc(request, RpcTicket(9), now_).error(), AdminError::kTooLarge);
}

TEST_F(MeetingAdminTest, moves_somebody_with_a_token_for_the_other_room) {
  Client& alice = join_active("alice");
  Client& bob = join_active("bob");
  Meeting other(services_, AccountId("acme"), "other", RoomSid("RM_2"), now_);
  ASSERT_TRUE(meeting_->move_participant(Identity("alice"), other, now_));
  drain();
  EXPECT_EQ(alice.last(Response::kRefreshToken)->refresh_token(), "token of alice for other");
  ASSERT_TRUE(alice.last(Response::kRoomMoved));
  EXPECT_EQ(alice.last(Response::kRoomMoved)->room_moved().room().name(), "other");
  EXPECT_EQ(alice.last(Response::kLeave)->leave().action(), livekit::LeaveRequest::RECONNECT);
  EXPECT_TRUE(alice.is_closed);
  EXPECT_EQ(bob.seen("alice")->state(), livekit::ParticipantInfo::DISCONNECTED);
}

TEST_F(MeetingAdminTest, a_room_has_the_options_it_was_made_with) {
  RoomOptions options;
  options.empty_timeout = 3s;
  options.departure_timeout = 2s;
  options.max_participants = 1;
  options.metadata = "agenda";
  meeting_ = std::make_unique<Meeting>(services_, AccountId("acme"), "short", RoomSid("RM_3"), now_,
                                       options);
  EXPECT_EQ(meeting_->room().info().empty_timeout(), 3U);
  EXPECT_EQ(meeting_->room().info().departure_timeout(), 2U);
  EXPECT_EQ(meeting_->room().info().metadata(), "agenda");
  EXPECT_EQ(meeting_->room().info().max_participants(), 1U);
  EXPECT_FALSE(meeting_->is_finished(now_.monotonic + 2s));
  EXPECT_TRUE(meeting_->is_finished(now_.monotonic + 3s));
  join_active("alice");
  Grant grant;
  EXPECT_TRUE(meeting_->room().is_full(grant));
  grant.kind = livekit::ParticipantInfo::AGENT;
  EXPECT_FALSE(meeting_->room().is_full(grant)) << "agents don't count";
  ASSERT_TRUE(meeting_->remove_participant(Identity("alice"), now_));
  EXPECT_FALSE(meeting_->is_finished(now_.monotonic + 1s));
  EXPECT_TRUE(meeting_->is_finished(now_.monotonic + 2s));
}

TEST_F(MeetingAdminTest, sync_streams_puts_sound_and_pictures_of_one_source_into_one_stream) {
  RoomOptions options;
  options.sync_streams = true;
  meeting_ = std::make_unique<Meeting>(services_, AccountId("acme"), "synced", RoomSid("RM_3"),
                                       now_, options);
  Client& alice = join_active("alice");
  Client& bob = join_active("bob");
  publish(alice, "mic", livekit::AUDIO);
  publish(alice, "camera", livekit::VIDEO);
  renegotiate(bob);
  const std::string sdp = bob.last(Response::kAnswer)->answer().sdp();
  const std::string stream = "a=msid:" + alice.sid.value() + "|camera ";
  const auto first = sdp.find(stream);
  ASSERT_NE(first, std::string::npos) << sdp;
  EXPECT_NE(sdp.find(stream, first + 1), std::string::npos);
}

}  // namespace
}  // namespace meridian::meeting
