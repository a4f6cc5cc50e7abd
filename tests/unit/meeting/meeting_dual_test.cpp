// Dual-connection mode: the client offers to publish, this side offers what it subscribes to.
#include "meeting/limits.hpp"
#include "meeting/meeting.hpp"
#include "sdp/codecs.hpp"
#include "unit/meeting/meeting_fixture.hpp"

namespace meridian::meeting {
namespace {

class MeetingDualTest : public MeetingTest {
 protected:
  static sdp::Session last_offer(const Client& client) {
    return sdp::parse(client.last(Response::kOffer)->offer().sdp()).value();
  }
  Client& resume(const Client& before, ConnectionMode mode = ConnectionMode::kDual) {
    Client& again = clients_["again" + std::to_string(++resumed_)];
    again.session = SignalSessionId(static_cast<std::uint64_t>(600 + resumed_));
    again.sid = before.sid;
    again.offers = before.offers;
    again.offers_made = before.offers_made;
    ResumeArguments arguments{.session = again.session,
                              .identity = Identity("alice"),
                              .request = {},
                              .mode = mode,
                              .make_token = {}};
    is_resumed_ = meeting_->resume(std::move(arguments), now_).has_value();
    drain();
    return again;
  }
  static std::vector<livekit::SignalResponse::MessageCase> kinds(const Client& client) {
    std::vector<livekit::SignalResponse::MessageCase> kinds;
    for (const auto& message : client.received) {
      kinds.push_back(message.message_case());
    }
    return kinds;
  }
  int resumed_ = 0;
  bool is_resumed_ = false;
};

TEST_F(MeetingDualTest, offers_the_subscriber_connection_at_once) {
  Client& alice = join("alice", {.makes_offer = false, .is_dual = true});
  EXPECT_TRUE(alice.last(Response::kJoin)->join().subscriber_primary());
  EXPECT_TRUE(alice.last(Response::kJoin)->join().fast_publish());
  ASSERT_EQ(alice.count(Response::kOffer), 1U);
  EXPECT_EQ(last_offer(alice).media[0].kind, sdp::Kind::kApplication);
  EXPECT_EQ(alice.last(Response::kTrickle)->trickle().target(), livekit::SUBSCRIBER);
  EXPECT_TRUE(alice.last(Response::kTrickle)->trickle().final());
  EXPECT_TRUE(commands<forward::OpenTransport>().empty()) << "nothing is known of the client yet";
  answer(alice);
  ASSERT_EQ(commands<forward::OpenTransport>().size(), 1U);
  EXPECT_EQ(commands<forward::OpenTransport>()[0].second->transport,
            participant(alice).subscriber->connection.transport);
  EXPECT_EQ(commands<forward::OpenTransport>()[0].second->remote.ufrag, "sub1");
}

TEST_F(MeetingDualTest, both_connections_are_on_one_worker_and_under_permits_of_their_own) {
  Client& alice = join("alice", {.region = kFrankfurt, .is_dual = true});
  answer(alice);
  const auto opened = commands<forward::OpenTransport>();
  ASSERT_EQ(opened.size(), 2U);
  for (const auto& [worker, command] : opened) {
    EXPECT_EQ(worker, WorkerIndex(1));
    EXPECT_TRUE(command->permit.is_valid());
    EXPECT_EQ(command->permit.region(), kFrankfurt);
  }
  EXPECT_NE(opened[0].second->transport, opened[1].second->transport);
  EXPECT_NE(opened[0].second->local.ufrag, opened[1].second->local.ufrag);
}

TEST_F(MeetingDualTest, is_active_with_the_subscriber_connection) {
  Client& alice = join("alice", {.is_dual = true});
  answer(alice);
  transport_state(alice, forward::TransportState::kConnected);
  EXPECT_EQ(participant(alice).info.state(), livekit::ParticipantInfo::JOINED);
  subscriber_state(alice, forward::TransportState::kConnected);
  EXPECT_EQ(participant(alice).info.state(), livekit::ParticipantInfo::ACTIVE);
}

TEST_F(MeetingDualTest, is_active_with_the_publisher_connection_when_it_may_not_subscribe) {
  JoinOptions options{.is_dual = true};
  options.permission.set_can_subscribe(false);
  Client& alice = join("alice", options);
  EXPECT_FALSE(alice.last(Response::kJoin)->join().subscriber_primary());
  EXPECT_EQ(alice.count(Response::kOffer), 0U);
  EXPECT_TRUE(participant(alice).has_negotiated()) << "the right may come later";
  transport_state(alice, forward::TransportState::kConnected);
  EXPECT_EQ(participant(alice).info.state(), livekit::ParticipantInfo::ACTIVE);
}

TEST_F(MeetingDualTest, tracks_that_are_there_are_in_the_first_offer) {
  Client& bob = join_active("bob");
  const std::string sid = publish(bob, "mic", livekit::AUDIO);
  forget_commands();
  Client& alice = join("alice", {.is_dual = true});
  ASSERT_EQ(last_offer(alice).media.size(), 2U);
  EXPECT_EQ(last_offer(alice).media[1].msids[0].track, sid);
  EXPECT_EQ(alice.last(Response::kOffer)->offer().mid_to_track_id().at("1"), sid);
  EXPECT_TRUE(commands<forward::Subscribe>().empty());
  answer(alice);
  ASSERT_EQ(commands<forward::Subscribe>().size(), 1U);
  EXPECT_EQ(commands<forward::Subscribe>()[0].second->transport,
            participant(alice).subscriber->connection.transport);
}

TEST_F(MeetingDualTest, publishes_over_the_other_connection) {
  Client& alice = join_dual("alice");
  const Client& bob = join_active("bob");
  publish(alice, "mic", livekit::AUDIO);
  ASSERT_EQ(commands<forward::Publish>().size(), 1U);
  EXPECT_EQ(commands<forward::Publish>()[0].second->transport, participant(alice).uplink.transport);
  EXPECT_EQ(alice.last(Response::kTrickle)->trickle().target(), livekit::PUBLISHER);
  EXPECT_EQ(bob.seen("alice")->tracks_size(), 1);
  EXPECT_EQ(alice.count(Response::kMediaSectionsRequirement), 0U);
}

TEST_F(MeetingDualTest, collects_changes_into_one_offer_and_waits_for_its_answer) {
  Client& alice = join_dual("alice");
  Client& bob = join_active("bob");
  advance(1s);
  const std::size_t before = alice.count(Response::kOffer);
  const std::uint32_t id = alice.last(Response::kOffer)->offer().id();
  publish(bob, "mic", livekit::AUDIO);
  publish(bob, "cam", livekit::VIDEO);
  advance(200ms);
  ASSERT_EQ(alice.count(Response::kOffer), before + 1) << "one for both";
  EXPECT_EQ(alice.last(Response::kOffer)->offer().id(), id + 1);
  EXPECT_EQ(last_offer(alice).media.size(), 3U);
  publish(bob, "screen", livekit::VIDEO);
  advance(1s);
  EXPECT_EQ(alice.count(Response::kOffer), before + 1) << "one at a time";
  answer(alice);
  EXPECT_EQ(commands<forward::Subscribe>().size(), 2U);
  advance(200ms);
  EXPECT_EQ(alice.count(Response::kOffer), before + 2);
  answer(alice);
  EXPECT_EQ(commands<forward::Subscribe>().size(), 3U);
}

TEST_F(MeetingDualTest, others_are_known_before_their_tracks_are_offered) {
  Client& alice = join_dual("alice");
  Client& bob = join_active("bob");
  advance(1s);
  alice.received.clear();
  publish(bob, "mic", livekit::AUDIO);
  advance(200ms);
  const auto order = kinds(alice);
  const auto update = std::ranges::find(order, Response::kUpdate);
  const auto offer = std::ranges::find(order, Response::kOffer);
  ASSERT_NE(offer, order.end());
  EXPECT_LT(update - order.begin(), offer - order.begin());
}

TEST_F(MeetingDualTest, a_track_that_goes_leaves_its_section_for_the_next) {
  Client& alice = join_dual("alice");
  Client& bob = join_active("bob");
  publish(bob, "mic", livekit::AUDIO);
  advance(200ms);
  answer(alice);
  bob.offers.published[0].is_active = false;
  offer(bob);
  advance(200ms);
  EXPECT_EQ(last_offer(alice).media[1].direction, sdp::Direction::kInactive);
  answer(alice);
  publish(bob, "mic2", livekit::AUDIO);
  advance(200ms);
  ASSERT_EQ(last_offer(alice).media.size(), 2U);
  EXPECT_EQ(last_offer(alice).media[1].direction, sdp::Direction::kSendOnly);
}

TEST_F(MeetingDualTest, ignores_answers_to_superseded_offers_and_to_none) {
  Client& alice = join("alice", {.makes_offer = false, .is_dual = true});
  const std::string sdp = fake_answer(alice.last(Response::kOffer)->offer().sdp());
  answer(alice, sdp, alice.last(Response::kOffer)->offer().id() - 1);
  answer(alice, "nonsense", alice.last(Response::kOffer)->offer().id() + 1);
  EXPECT_TRUE(commands<forward::OpenTransport>().empty());
  EXPECT_FALSE(alice.is_closed);
  answer(alice, sdp, 0);  // Rust
  EXPECT_EQ(commands<forward::OpenTransport>().size(), 1U);
  Client& single = join_active("single");
  answer(single, sdp, 1);
  EXPECT_FALSE(single.is_closed);
}

TEST_F(MeetingDualTest, an_offer_of_the_client_does_not_disturb_one_of_ours) {
  Client& alice = join("alice", {.makes_offer = false, .is_dual = true});
  alice.offers.receive_audio = alice.offers.receive_video = 0;
  offer(alice);  // crosses our own, on the other connection
  ASSERT_EQ(alice.count(Response::kAnswer), 1U);
  EXPECT_EQ(alice.last(Response::kAnswer)->answer().id(), 1U);
  answer(alice);
  EXPECT_EQ(commands<forward::OpenTransport>().size(), 2U);
  EXPECT_FALSE(alice.is_closed);
  EXPECT_EQ(alice.count(Response::kOffer), 1U);
}

TEST_F(MeetingDualTest, ends_a_join_whose_first_answer_is_unusable) {
  Client& alice = join("alice", {.is_dual = true});
  answer(alice, "not SDP", 0);
  EXPECT_EQ(alice.last(Response::kLeave)->leave().reason(), livekit::JOIN_FAILURE);
  EXPECT_EQ(alice.last(Response::kLeave)->leave().action(), livekit::LeaveRequest::DISCONNECT);
  EXPECT_TRUE(alice.is_closed);
}

TEST_F(MeetingDualTest, gives_up_on_a_client_that_never_answers) {
  Client& alice = join_dual("alice");
  Client& bob = join_active("bob");
  publish(bob, "mic", livekit::AUDIO);
  advance(kOfferTimeout + 1s);
  EXPECT_TRUE(alice.is_closed);
  EXPECT_EQ(alice.last(Response::kLeave)->leave().reason(), livekit::STATE_MISMATCH);
  EXPECT_EQ(alice.last(Response::kLeave)->leave().action(), livekit::LeaveRequest::RECONNECT);
  EXPECT_EQ(commands<forward::CloseTransport>().size(), 2U) << "both connections";
}

TEST_F(MeetingDualTest, opens_the_data_channels_of_the_subscriber_connection) {
  Client& alice = join("alice", {.is_dual = true});
  answer(alice);
  outbox_.sctp.clear();
  subscriber_state(alice, forward::TransportState::kConnected);
  ASSERT_EQ(outbox_.sctp.size(), 4U);
  EXPECT_TRUE(std::holds_alternative<sctp::Open>(outbox_.sctp[0]));
  const char* const labels[] = {"_reliable", "_lossy", "_data_track"};
  for (std::size_t i = 0; i < 3; ++i) {
    const auto& open = std::get<sctp::OpenChannel>(outbox_.sctp[i + 1]);
    EXPECT_EQ(open.options.label, labels[i]);
    EXPECT_EQ(open.options.order, i == 0 ? sctp::Order::kOrdered : sctp::Order::kUnordered);
    EXPECT_EQ(open.transport, participant(alice).subscriber->connection.transport);
  }
  outbox_.sctp.clear();
  transport_state(alice, forward::TransportState::kConnected);
  EXPECT_EQ(outbox_.sctp.size(), 1U) << "the client opens those of its own connection";
}

TEST_F(MeetingDualTest, data_comes_over_one_connection_and_goes_over_the_other) {
  const auto open = [&](const Client& client, TransportId transport, sctp::Opener opener) {
    sctp_event(sctp::ChannelOpened{transport, sctp::ChannelId(opener == sctp::Opener::kUs ? 1 : 0),
                                   opener, channel_options("_reliable")});
    (void)client;
  };
  Client& alice = join_dual("alice");
  Client& bob = join_dual("bob");
  for (const Client* client : {&alice, &bob}) {
    open(*client, participant(*client).uplink.transport, sctp::Opener::kPeer);
    open(*client, participant(*client).subscriber->connection.transport, sctp::Opener::kUs);
  }
  take_sends();
  livekit::DataPacket packet;
  packet.mutable_user()->set_payload("hello");
  const std::string text = packet.SerializeAsString();
  sctp_event(sctp::MessageReceived{participant(alice).uplink.transport,
                                   sctp::ChannelId(0),
                                   sctp::Payload::kBinary,
                                   {text.begin(), text.end()}});
  const auto sends = take_sends();
  ASSERT_EQ(sends.size(), 1U);
  EXPECT_EQ(sends[0].transport, participant(bob).subscriber->connection.transport);
  EXPECT_EQ(sends[0].channel, sctp::ChannelId(1));
}

TEST_F(MeetingDualTest, resumes_with_an_ice_restart_of_the_subscriber_connection) {
  Client& alice = join_dual("alice");
  const std::string before = last_offer(alice).media[0].transport.ice_ufrag;
  const std::uint32_t id = alice.last(Response::kOffer)->offer().id();
  subscriber_state(alice, forward::TransportState::kDisconnected,
                   forward::TransportFailure::kConsentExpired);
  EXPECT_EQ(alice.last(Response::kLeave)->leave().action(), livekit::LeaveRequest::RESUME);
  advance(5s);
  forget_commands();
  Client& again = resume(alice);
  ASSERT_TRUE(is_resumed_);
  EXPECT_EQ(kinds(again).front(), Response::kReconnect);
  ASSERT_EQ(again.count(Response::kOffer), 1U) << "without waiting for sync_state";
  EXPECT_EQ(again.last(Response::kOffer)->offer().id(), id + 1);
  EXPECT_NE(last_offer(again).media[0].transport.ice_ufrag, before);
  answer(again, "sub2");
  ASSERT_EQ(commands<forward::RestartIce>().size(), 1U);
  EXPECT_EQ(commands<forward::RestartIce>()[0].second->transport,
            participant(again).subscriber->connection.transport);
  again.offers.ufrag = "pub2";
  offer(again);
  ASSERT_EQ(commands<forward::RestartIce>().size(), 2U);
  EXPECT_EQ(commands<forward::RestartIce>()[1].second->transport,
            participant(again).uplink.transport);
  subscriber_state(again, forward::TransportState::kIceConnected);
  advance(kMediaGrace + kSignalGrace);
  EXPECT_FALSE(again.is_closed);
}

TEST_F(MeetingDualTest, an_offer_that_was_lost_with_the_socket_is_made_again) {
  Client& alice = join_dual("alice");
  Client& bob = join_active("bob");
  publish(bob, "mic", livekit::AUDIO);
  advance(200ms);  // offered, and the socket breaks before it is answered
  meeting_->handle_signal_closed(alice.sid, alice.session, now_);
  alice.is_closed = true;
  publish(bob, "mic2", livekit::AUDIO);
  advance(kOfferTimeout + 1s);
  ASSERT_NE(meeting_->room().roster.find(alice.sid), nullptr);
  forget_commands();
  Client& again = resume(alice);
  ASSERT_EQ(again.count(Response::kOffer), 1U);
  EXPECT_EQ(last_offer(again).media.size(), 3U);
  answer(again, "sub2");
  EXPECT_EQ(commands<forward::Subscribe>().size(), 2U);
}

TEST_F(MeetingDualTest, is_not_resumed_in_the_other_mode) {
  Client& alice = join_dual("alice");
  resume(alice, ConnectionMode::kSingle);
  EXPECT_FALSE(is_resumed_);
}

TEST_F(MeetingDualTest, either_connection_that_is_lost_is_told) {
  Client& alice = join_dual("alice");
  transport_state(alice, forward::TransportState::kDisconnected,
                  forward::TransportFailure::kConsentExpired);
  EXPECT_EQ(alice.last(Response::kLeave)->leave().action(), livekit::LeaveRequest::RESUME);
  advance(kMediaGrace);
  EXPECT_EQ(meeting_->room().roster.find(alice.sid), nullptr);
}

TEST_F(MeetingDualTest, merges_the_quality_of_both_connections) {
  Client& alice = join_dual("alice");
  advance(kQualityInterval);
  event(forward::TransportQuality{.transport = participant(alice).uplink.transport,
                                  .uplink_loss = 0.3F,
                                  .downlink_loss = 0,
                                  .round_trip = {}});
  event(forward::TransportQuality{.transport = participant(alice).subscriber->connection.transport,
                                  .uplink_loss = 0,
                                  .downlink_loss = 0,
                                  .round_trip = {}});
  EXPECT_EQ(participant(alice).quality.quality(), livekit::POOR);
}

TEST_F(MeetingDualTest, permits_that_wait_for_either_connection_follow_a_meeting_that_narrows) {
  Client& alice = join("alice", {.makes_offer = false, .is_dual = true});
  residency::LevelNames levels;
  levels.group = "ward";
  meeting_->set_levels(levels);
  drain();
  alice.offers.receive_audio = alice.offers.receive_video = 0;
  offer(alice);
  answer(alice);
  const auto opened = commands<forward::OpenTransport>();
  ASSERT_EQ(opened.size(), 2U);
  for (const auto& [worker, command] : opened) {
    EXPECT_EQ(command->permit.narrowed(), levels);
  }
}

TEST_F(MeetingDualTest, evicts_both_connections) {
  join_dual("alice");
  const auto evicted = meeting_->evict([](const Participant&) { return false; }, now_);
  ASSERT_EQ(evicted.size(), 1U);
  EXPECT_EQ(evicted[0].transports.size(), 2U);
}

TEST_F(MeetingDualTest, a_room_with_a_playout_delay_tells_it_to_those_who_take_the_extension) {
  RoomOptions options;
  options.playout_delay = rtp::PlayoutDelay{.min = 1s, .max = 2s};
  meeting_ = std::make_unique<Meeting>(services_, AccountId("acme"), "late", RoomSid("RM_3"), now_,
                                       options);
  Client& alice = join_dual("alice");
  publish(alice, "camera", livekit::VIDEO);
  Client& bob = join_dual("bob");
  JoinOptions dual;
  dual.is_dual = true;
  Client& carol = join("carol", dual);
  answer(carol,
         fake_answer(carol.last(Response::kOffer)->offer().sdp(), "sub1",
                     [](sdp::MediaSection& media) {
                       std::erase_if(media.extensions, [](const sdp::ExtensionMapping& mapping) {
                         return mapping.uri == sdp::extension_uri(rtp::Extension::kPlayoutDelay);
                       });
                     }),
         carol.last(Response::kOffer)->offer().id());
  const auto subscribed = commands<forward::Subscribe>();
  ASSERT_EQ(subscribed.size(), 2U);
  for (const auto& [worker, command] : subscribed) {
    const bool is_bob = command->transport == participant(bob).subscriber->connection.transport;
    EXPECT_EQ(command->extensions.has(rtp::Extension::kPlayoutDelay), is_bob);
    EXPECT_EQ(command->playout_delay, options.playout_delay);
  }
}

}  // namespace
}  // namespace meridian::meeting
