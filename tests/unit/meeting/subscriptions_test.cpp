#include "meeting/subscriptions.hpp"

#include "unit/meeting/meeting_fixture.hpp"

namespace meridian::meeting {
namespace {

TEST_F(MeetingTest, puts_tracks_that_are_there_into_the_first_answer) {
  Client& alice = join_active("alice");
  const std::string sid = publish(alice, "mic", livekit::AUDIO);
  const Client& bob = join("bob");
  const livekit::SessionDescription answer = bob.last(Response::kAnswer)->answer();
  ASSERT_EQ(answer.mid_to_track_id().size(), 1U);
  EXPECT_EQ(answer.mid_to_track_id().begin()->second, sid);
  EXPECT_TRUE(answer.sdp().contains("msid:" + alice.sid.value() + "|" + sid));
  const auto subscribed = commands<forward::Subscribe>();
  ASSERT_EQ(subscribed.size(), 1U);
  EXPECT_EQ(subscribed[0].second->publication, publication_of(alice, sid));
  EXPECT_EQ(subscribed[0].second->transport, participant(bob).uplink.transport);
  EXPECT_EQ(alice.last(Response::kTrackSubscribed)->track_subscribed().track_sid(), sid);
}

TEST_F(MeetingTest, asks_for_an_offer_when_a_track_appears) {
  Client& alice = join_active("alice");
  Client& bob = join_active("bob");
  publish(alice, "mic", livekit::AUDIO);
  EXPECT_TRUE(commands<forward::Subscribe>().empty());
  // The update comes before the description that carries the track.
  ASSERT_EQ(bob.seen("alice")->tracks_size(), 1);
  renegotiate(bob);
  EXPECT_EQ(commands<forward::Subscribe>().size(), 1U);
  EXPECT_EQ(bob.last(Response::kAnswer)->answer().id(), 2U);
}

TEST_F(MeetingTest, asks_for_as_many_sections_as_are_missing) {
  Client& alice = join_active("alice");
  Client& bob = join_active("bob");
  for (int i = 0; i < 4; ++i) {
    publish(alice, "mic" + std::to_string(i), livekit::AUDIO);
  }
  advance(200ms);
  const auto required = bob.last(Response::kMediaSectionsRequirement)->media_sections_requirement();
  EXPECT_EQ(required.num_audios(), 1U);
  EXPECT_EQ(required.num_videos(), 0U);
}

TEST_F(MeetingTest, does_not_subscribe_whoever_did_not_ask) {
  Client& alice = join_active("alice");
  const std::string sid = publish(alice, "mic", livekit::AUDIO);
  Client& bob = join_active("bob", {.auto_subscribe = false});
  EXPECT_TRUE(commands<forward::Subscribe>().empty());
  livekit::SignalRequest wish;
  auto& tracks = *wish.mutable_subscription()->add_participant_tracks();
  tracks.set_participant_sid(alice.sid.value());
  tracks.add_track_sids(sid);
  wish.mutable_subscription()->set_subscribe(true);
  request(bob, wish);
  renegotiate(bob);
  EXPECT_EQ(commands<forward::Subscribe>().size(), 1U);
  wish.mutable_subscription()->set_subscribe(false);
  request(bob, wish);
  EXPECT_EQ(commands<forward::Unsubscribe>().size(), 1U);
  renegotiate(bob);
  EXPECT_TRUE(bob.last(Response::kAnswer)->answer().mid_to_track_id().empty());
}

TEST_F(MeetingTest, says_which_track_was_not_found) {
  Client& bob = join_active("bob");
  livekit::SignalRequest wish;
  wish.mutable_subscription()->add_track_sids("TR_gone");
  wish.mutable_subscription()->set_subscribe(true);
  request(bob, wish);
  const auto response = bob.last(Response::kSubscriptionResponse)->subscription_response();
  EXPECT_EQ(response.track_sid(), "TR_gone");
  EXPECT_EQ(response.err(), livekit::SE_TRACK_NOTFOUND);
}

TEST_F(MeetingTest, never_subscribes_without_the_right) {
  livekit::ParticipantPermission speaker = all_rights();
  speaker.set_can_subscribe(false);
  Client& alice = join_active("alice");
  publish(alice, "mic", livekit::AUDIO);
  join_active("bob", {.permission = speaker});
  advance(1s);
  EXPECT_TRUE(commands<forward::Subscribe>().empty());
}

TEST_F(MeetingTest, tells_what_stands_still_for_want_of_bandwidth) {
  Client& alice = join_active("alice");
  const std::string sid = publish(alice, "cam", livekit::VIDEO);
  Client& bob = join_active("bob");
  advance(1s);
  const PublicationId track = commands<forward::Subscribe>().at(0).second->publication;
  const TransportId way = participant(bob).uplink.transport;
  event(forward::StreamPaused{.transport = way, .publication = track, .is_paused = true});
  const auto paused = bob.last(Response::kStreamStateUpdate)->stream_state_update();
  ASSERT_EQ(paused.stream_states_size(), 1);
  EXPECT_EQ(paused.stream_states(0).participant_sid(), alice.sid.value());
  EXPECT_EQ(paused.stream_states(0).track_sid(), sid);
  EXPECT_EQ(paused.stream_states(0).state(), livekit::PAUSED);
  event(forward::StreamPaused{.transport = way, .publication = track, .is_paused = false});
  EXPECT_EQ(bob.last(Response::kStreamStateUpdate)->stream_state_update().stream_states(0).state(),
            livekit::ACTIVE);
  EXPECT_FALSE(alice.last(Response::kStreamStateUpdate));
  event(forward::StreamPaused{.transport = way, .publication = PublicationId(99)});
  EXPECT_EQ(bob.count(Response::kStreamStateUpdate), 2U);
}

TEST_F(MeetingTest, knows_which_track_goes_first) {
  Client& alice = join_active("alice");
  const std::string sid = publish(alice, "cam", livekit::VIDEO);
  Client& bob = join_active("bob");
  const auto priority_after = [&](std::uint32_t asked) {
    livekit::SignalRequest settings;
    settings.mutable_track_setting()->add_track_sids(sid);
    settings.mutable_track_setting()->set_priority(asked);
    request(bob, settings);
    return commands<forward::SetSubscription>().back().second->target.priority;
  };
  const std::uint32_t first = priority_after(1);
  const std::uint32_t second = priority_after(2);
  EXPECT_GT(first, second);
  EXPECT_GT(second, priority_after(0));
}

TEST_F(MeetingTest, turns_sizes_into_layers) {
  Client& alice = join_active("alice");
  const std::string sid = publish(alice, "cam", livekit::VIDEO);
  Client& bob = join_active("bob");
  livekit::SignalRequest settings;
  settings.mutable_track_setting()->add_track_sids(sid);
  settings.mutable_track_setting()->set_width(320);
  settings.mutable_track_setting()->set_height(180);
  request(bob, settings);
  ASSERT_EQ(commands<forward::SetSubscription>().size(), 1U);
  EXPECT_EQ(commands<forward::SetSubscription>()[0].second->target.max_spatial, 0);
  EXPECT_TRUE(commands<forward::SetSubscription>()[0].second->target.is_enabled);
  request(bob, settings);
  EXPECT_EQ(commands<forward::SetSubscription>().size(), 1U) << "nothing changed";
  settings.mutable_track_setting()->set_disabled(true);
  request(bob, settings);
  EXPECT_FALSE(commands<forward::SetSubscription>()[1].second->target.is_enabled);
  settings.mutable_track_setting()->Clear();
  settings.mutable_track_setting()->add_track_sids(sid);
  settings.mutable_track_setting()->set_quality(livekit::MEDIUM);
  request(bob, settings);
  EXPECT_EQ(commands<forward::SetSubscription>()[2].second->target.max_spatial, 1);
}

TEST_F(MeetingTest, keeps_settings_for_tracks_to_come) {
  Client& alice = join_active("alice");
  Client& bob = join_active("bob");
  const std::string sid = publish(alice, "cam", livekit::VIDEO);
  livekit::SignalRequest settings;
  settings.mutable_track_setting()->add_track_sids(sid);
  settings.mutable_track_setting()->set_quality(livekit::LOW);
  request(bob, settings);
  EXPECT_TRUE(commands<forward::SetSubscription>().empty());
  renegotiate(bob);
  ASSERT_EQ(commands<forward::Subscribe>().size(), 1U);
  EXPECT_EQ(commands<forward::Subscribe>()[0].second->target.max_spatial, 0);
}

TEST_F(MeetingTest, opens_one_relay_for_all_subscribers_of_a_worker) {
  Client& alice = join_active("alice");
  const std::string sid = publish(alice, "mic", livekit::AUDIO);
  Client& bob = join_active("bob", {.region = kFrankfurt});
  Client& carol = join_active("carol", {.region = kFrankfurt});
  const auto sources = commands<forward::OpenRelaySource>();
  const auto sinks = commands<forward::OpenRelaySink>();
  ASSERT_EQ(sources.size(), 1U);
  ASSERT_EQ(sinks.size(), 1U);
  EXPECT_EQ(sources[0].first, WorkerIndex(0));
  EXPECT_EQ(sources[0].second->to, WorkerIndex(1));
  EXPECT_EQ(sources[0].second->permit.region(), kLondon);
  EXPECT_EQ(sinks[0].first, WorkerIndex(1));
  EXPECT_EQ(sinks[0].second->from, WorkerIndex(0));
  EXPECT_EQ(sinks[0].second->permit.region(), kFrankfurt);
  EXPECT_EQ(sinks[0].second->publication, publication_of(alice, sid));
  EXPECT_EQ(commands<forward::Subscribe>().size(), 2U);

  forget_commands();
  livekit::SignalRequest leave;
  leave.mutable_leave();
  request(bob, leave);
  EXPECT_TRUE(commands<forward::CloseRelaySource>().empty());
  request(carol, leave);
  ASSERT_EQ(commands<forward::CloseRelaySource>().size(), 1U);
  EXPECT_EQ(commands<forward::CloseRelaySource>()[0].first, WorkerIndex(0));
  ASSERT_EQ(commands<forward::Unpublish>().size(), 1U);
  EXPECT_EQ(commands<forward::Unpublish>()[0].first, WorkerIndex(1));
}

TEST_F(MeetingTest, closes_relays_of_a_track_that_ends) {
  Client& alice = join_active("alice");
  publish(alice, "mic", livekit::AUDIO);
  const Client& bob = join_active("bob", {.region = kFrankfurt});
  forget_commands();
  alice.offers.published[0].is_active = false;
  offer(alice);
  EXPECT_EQ(commands<forward::CloseRelaySource>().size(), 1U);
  EXPECT_EQ(commands<forward::Unpublish>().size(), 2U);
  EXPECT_TRUE(participant(bob).subscriptions.empty());
  EXPECT_EQ(meeting_->subscriptions(), 0U);
}

TEST_F(MeetingTest, opens_no_relay_that_the_policy_forbids) {
  Client& alice = join_active("alice");
  publish(alice, "mic", livekit::AUDIO);
  Client& bob = join("bob", {.region = kFrankfurt, .makes_offer = false});
  ASSERT_TRUE(change_opted_in({kLondon}));
  offer(bob);
  EXPECT_TRUE(commands<forward::OpenRelaySource>().empty());
  EXPECT_TRUE(commands<forward::OpenRelaySink>().empty());
  EXPECT_TRUE(commands<forward::Subscribe>().empty());
  EXPECT_EQ(gate_.denials(residency::DenialReason::kRegionNotAllowed), 1U);
  EXPECT_EQ(bob.count(Response::kSubscriptionResponse), 1U);
}

TEST_F(MeetingTest, a_subscription_that_was_denied_follows_the_policy_that_permits_it) {
  const auto everybody_stays = [](const Participant&) { return true; };
  Client& alice = join_active("alice");
  publish(alice, "mic", livekit::AUDIO);
  Client& bob = join("bob", {.region = kFrankfurt, .makes_offer = false});
  ASSERT_TRUE(change_opted_in({kLondon}));
  offer(bob);
  renegotiate(bob);  // the section that was meant for the track is freed
  (void)meeting_->evict(everybody_stays, now_);
  advance(10s);
  EXPECT_EQ(gate_.denials(residency::DenialReason::kRegionNotAllowed), 1U) << "asked once";
  EXPECT_EQ(bob.count(Response::kSubscriptionResponse), 1U);
  EXPECT_EQ(bob.count(Response::kMediaSectionsRequirement), 1U);

  ASSERT_TRUE(change_opted_in({kLondon, kFrankfurt}));
  (void)meeting_->evict(everybody_stays, now_);
  renegotiate(bob);
  EXPECT_EQ(commands<forward::OpenRelaySource>().size(), 1U);
  EXPECT_EQ(commands<forward::OpenRelaySink>().size(), 1U);
  EXPECT_EQ(commands<forward::Subscribe>().size(), 1U);
  EXPECT_EQ(meeting_->subscriptions(), 1U);
  EXPECT_EQ(bob.count(Response::kSubscriptionResponse), 1U);
}

TEST_F(MeetingTest, a_subscription_that_no_record_could_be_written_of_is_tried_again) {
  Client& alice = join_active("alice");
  publish(alice, "mic", livekit::AUDIO);
  Client& bob = join("bob", {.region = kFrankfurt, .makes_offer = false});
  while (gate_.can_admit_relay()) {
    (void)permit(kLondon);
  }
  offer(bob);
  renegotiate(bob);
  EXPECT_EQ(gate_.denials(residency::DenialReason::kAuditUnavailable), 1U);
  advance(10s);
  EXPECT_EQ(gate_.denials(residency::DenialReason::kAuditUnavailable), 1U);
  (void)audit_.take_lines();
  advance(6s);
  EXPECT_EQ(bob.count(Response::kMediaSectionsRequirement), 2U);
  offer(bob);
  EXPECT_EQ(commands<forward::Subscribe>().size(), 1U);
}

TEST_F(MeetingTest, lets_publishers_choose_who_may_subscribe) {
  Client& alice = join_active("alice");
  const std::string sid = publish(alice, "mic", livekit::AUDIO);
  const Client& bob = join_active("bob");
  const Client& carol = join_active("carol");
  EXPECT_EQ(meeting_->subscriptions(), 2U);
  livekit::SignalRequest access;
  auto& permission = *access.mutable_subscription_permission()->add_track_permissions();
  permission.set_participant_identity("bob");
  permission.set_all_tracks(true);
  request(alice, access);
  EXPECT_EQ(meeting_->subscriptions(), 1U);
  const auto update =
      carol.last(Response::kSubscriptionPermissionUpdate)->subscription_permission_update();
  EXPECT_EQ(update.track_sid(), sid);
  EXPECT_EQ(update.participant_sid(), alice.sid.value());
  EXPECT_FALSE(update.allowed());
  EXPECT_EQ(bob.count(Response::kSubscriptionPermissionUpdate), 0U);
  access.mutable_subscription_permission()->set_all_participants(true);
  request(alice, access);
  EXPECT_TRUE(carol.last(Response::kSubscriptionPermissionUpdate)
                  ->subscription_permission_update()
                  .allowed());
  EXPECT_EQ(participant(carol).subscriptions.size(), 1U);
}

TEST_F(MeetingTest, bounds_subscriptions) {
  limits_.subscriptions_per_participant = 1;
  Client& alice = join_active("alice");
  publish(alice, "one", livekit::AUDIO);
  publish(alice, "two", livekit::AUDIO);
  const Client& bob = join_active("bob");
  EXPECT_EQ(participant(bob).subscriptions.size(), 1U);
  EXPECT_EQ(bob.count(Response::kSubscriptionResponse), 1U);
}

}  // namespace
}  // namespace meridian::meeting
