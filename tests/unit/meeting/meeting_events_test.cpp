#include "meeting/limits.hpp"
#include "meeting/meeting.hpp"
#include "unit/meeting/meeting_fixture.hpp"

namespace meridian::meeting {
namespace {

TEST_F(MeetingTest, drops_whoever_never_connects_media) {
  const Client& bob = join_active("bob");
  const Client& alice = join("alice");
  advance(kJoinTimeout - 1ms);
  EXPECT_FALSE(alice.is_closed);
  advance(1ms);
  EXPECT_TRUE(alice.is_closed);
  EXPECT_EQ(alice.last(Response::kLeave)->leave().reason(), livekit::JOIN_FAILURE);
  EXPECT_FALSE(bob.is_closed);
}

TEST_F(MeetingTest, keeps_media_going_while_signalling_is_gone) {
  const Client& bob = join_active("bob");
  const Client& alice = join_active("alice");
  meeting_->handle_signal_closed(alice.sid, alice.session, now_);
  advance(kSignalGrace - 1s);
  EXPECT_NE(meeting_->room().roster.find(alice.sid), nullptr);
  EXPECT_TRUE(commands<forward::CloseTransport>().empty());
  advance(2s);
  EXPECT_EQ(meeting_->room().roster.find(alice.sid), nullptr);
  EXPECT_EQ(bob.seen("alice")->state(), livekit::ParticipantInfo::DISCONNECTED);
}

TEST_F(MeetingTest, asks_for_a_resume_when_media_is_lost) {
  Client& alice = join_active("alice");
  transport_state(alice, forward::TransportState::kDisconnected,
                  forward::TransportFailure::kConsentExpired);
  EXPECT_EQ(alice.last(Response::kLeave)->leave().action(), livekit::LeaveRequest::RESUME);
  EXPECT_TRUE(alice.is_closed);
  EXPECT_NE(meeting_->room().roster.find(alice.sid), nullptr);
  advance(kMediaGrace);
  EXPECT_EQ(meeting_->room().roster.find(alice.sid), nullptr);
}

TEST_F(MeetingTest, keeps_whoever_restarts_ice_in_time) {
  Client& alice = join_active("alice");
  transport_state(alice, forward::TransportState::kDisconnected,
                  forward::TransportFailure::kConsentExpired);
  advance(5s);
  Client& again = clients_["again"];
  again.session = SignalSessionId(60);
  again.sid = alice.sid;
  again.offers = alice.offers;
  again.offers_made = alice.offers_made;
  ResumeArguments arguments{
      .session = again.session, .identity = Identity("alice"), .request = {}, .make_token = {}};
  ASSERT_TRUE(meeting_->resume(std::move(arguments), now_).has_value());
  drain();
  again.offers.ufrag = "efgh";
  offer(again);
  EXPECT_EQ(commands<forward::RestartIce>().size(), 1U);
  transport_state(again, forward::TransportState::kIceConnected);
  advance(kMediaGrace + kSignalGrace);
  EXPECT_FALSE(again.is_closed);
  EXPECT_NE(meeting_->room().roster.find(alice.sid), nullptr);
}

TEST_F(MeetingTest, lets_clients_start_anew_after_failed_media) {
  Client& alice = join("alice");
  transport_state(alice, forward::TransportState::kFailed, forward::TransportFailure::kDtlsTimeout);
  EXPECT_EQ(alice.last(Response::kLeave)->leave().reason(), livekit::JOIN_FAILURE);
  Client& bob = join_active("bob");
  transport_state(bob, forward::TransportState::kFailed, forward::TransportFailure::kClosedByPeer);
  EXPECT_EQ(bob.last(Response::kLeave)->leave().reason(), livekit::CONNECTION_TIMEOUT);
  EXPECT_TRUE(meeting_->room().roster.empty());
}

TEST_F(MeetingTest, refreshes_tokens) {
  const Client& alice = join_active("alice");
  EXPECT_EQ(alice.count(Response::kRefreshToken), 1U);
  advance(kTokenInterval);
  EXPECT_EQ(alice.count(Response::kRefreshToken), 2U);
}

TEST_F(MeetingTest, tells_counts_at_most_every_few_seconds) {
  const Client& alice = join_active("alice");
  EXPECT_EQ(alice.last(Response::kRoomUpdate)->room_update().room().num_participants(), 1U);
  join_active("bob");
  join_active("carol");
  EXPECT_EQ(alice.count(Response::kRoomUpdate), 1U);
  advance(kRoomUpdateInterval);
  EXPECT_EQ(alice.count(Response::kRoomUpdate), 2U);
  EXPECT_EQ(alice.last(Response::kRoomUpdate)->room_update().room().num_participants(), 3U);
}

TEST_F(MeetingTest, tells_quality_to_those_concerned_when_it_changes) {
  Client& alice = join_active("alice");
  publish(alice, "mic", livekit::AUDIO);
  const Client& bob = join_active("bob");
  const Client& carol = join_active("carol", {.auto_subscribe = false});
  advance(kQualityInterval);
  const std::size_t before = bob.count(Response::kConnectionQuality);
  advance(kQualityInterval);
  EXPECT_EQ(bob.count(Response::kConnectionQuality), before) << "nothing changed";
  event(forward::TransportQuality{.transport = participant(alice).uplink.transport,
                                  .uplink_loss = 0.3F,
                                  .downlink_loss = 0,
                                  .round_trip = {}});
  advance(kQualityInterval);
  for (const Client* client : std::initializer_list<const Client*>{&alice, &bob}) {
    const auto quality = client->last(Response::kConnectionQuality)->connection_quality();
    ASSERT_EQ(quality.updates_size(), 1);
    EXPECT_EQ(quality.updates(0).participant_sid(), alice.sid.value());
    EXPECT_EQ(quality.updates(0).quality(), livekit::POOR);
  }
  for (const auto& message : carol.all(Response::kConnectionQuality)) {
    for (const auto& update : message.connection_quality().updates()) {
      EXPECT_EQ(update.participant_sid(), carol.sid.value());
    }
  }
}

TEST_F(MeetingTest, ignores_events_about_what_is_gone) {
  event(forward::TransportStateChanged{TransportId(99), forward::TransportState::kConnected, {}});
  event(forward::LayerStarted{PublicationId(99), rtp::Codec::kVp8, 0, Ssrc(1)});
  event(forward::LayersWanted{.publication = PublicationId(99), .max_spatial = 0});
  event(forward::TransportQuality{
      .transport = TransportId(99), .uplink_loss = 0, .downlink_loss = 0, .round_trip = {}});
  sctp_event(sctp::AssociationClosed{TransportId(99), sctp::CloseReason::kByPeer});
  EXPECT_TRUE(outbox_.signals.empty());
}

}  // namespace
}  // namespace meridian::meeting
