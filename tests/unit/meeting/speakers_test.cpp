#include "meeting/speakers.hpp"

#include "unit/meeting/meeting_fixture.hpp"

namespace meridian::meeting {
namespace {

TEST_F(MeetingTest, tells_speakers_to_those_who_hear_them) {
  Client& alice = join_active("alice");
  const std::string sid = publish(alice, "mic", livekit::AUDIO);
  const Client& bob = join_active("bob");
  const Client& carol = join_active("carol", {.auto_subscribe = false});
  event(forward::SpeakersChanged{meeting_->room().number,
                                 {{publication_of(alice, sid), 0.3F, true}}});
  for (const Client* client : std::initializer_list<const Client*>{&alice, &bob}) {
    const auto speakers = client->last(Response::kSpeakersChanged)->speakers_changed();
    ASSERT_EQ(speakers.speakers_size(), 1);
    EXPECT_EQ(speakers.speakers(0).sid(), alice.sid.value());
    EXPECT_TRUE(speakers.speakers(0).active());
    EXPECT_FLOAT_EQ(speakers.speakers(0).level(), 0.375F);
  }
  EXPECT_EQ(carol.count(Response::kSpeakersChanged), 0U);
}

TEST_F(MeetingTest, merges_the_tracks_of_one_speaker) {
  Client& alice = join_active("alice");
  const PublicationId mic = publication_of(alice, publish(alice, "mic", livekit::AUDIO));
  const PublicationId second = publication_of(alice, publish(alice, "music", livekit::AUDIO));
  const Client& bob = join_active("bob");
  const RoomNumber room = meeting_->room().number;
  event(forward::SpeakersChanged{room, {{mic, 0.5F, true}}});
  event(forward::SpeakersChanged{room, {{second, 0.25F, true}}});
  EXPECT_EQ(bob.count(Response::kSpeakersChanged), 1U) << "the louder one counts";
  event(forward::SpeakersChanged{room, {{mic, 0, false}}});
  EXPECT_FLOAT_EQ(bob.last(Response::kSpeakersChanged)->speakers_changed().speakers(0).level(),
                  0.25F);
  event(forward::SpeakersChanged{room, {{second, 0, false}}});
  EXPECT_FALSE(bob.last(Response::kSpeakersChanged)->speakers_changed().speakers(0).active());
}

TEST_F(MeetingTest, silences_a_speaker_whose_track_ends) {
  Client& alice = join_active("alice");
  const PublicationId mic = publication_of(alice, publish(alice, "mic", livekit::AUDIO));
  const Client& bob = join_active("bob");
  event(forward::SpeakersChanged{meeting_->room().number, {{mic, 0.5F, true}}});
  alice.offers.published[0].is_active = false;
  offer(alice);
  EXPECT_FALSE(bob.last(Response::kSpeakersChanged)->speakers_changed().speakers(0).active());
  event(forward::SpeakersChanged{meeting_->room().number, {{mic, 0.5F, true}}});
  EXPECT_EQ(bob.count(Response::kSpeakersChanged), 2U) << "the track is gone";
}

TEST_F(MeetingTest, tells_who_joins_of_those_who_speak_already) {
  Client& alice = join_active("alice");
  const PublicationId mic = publication_of(alice, publish(alice, "mic", livekit::AUDIO));
  Client& bob = join_active("bob");
  (void)publish(bob, "mic", livekit::AUDIO);
  event(forward::SpeakersChanged{meeting_->room().number, {{mic, 0.5F, true}}});
  Client& carol = join("carol");
  EXPECT_EQ(carol.count(Response::kSpeakersChanged), 0U) << "it would be passed over";
  transport_state(carol, forward::TransportState::kConnected);
  ASSERT_EQ(carol.count(Response::kSpeakersChanged), 1U);
  const auto speakers = carol.last(Response::kSpeakersChanged)->speakers_changed();
  ASSERT_EQ(speakers.speakers_size(), 1) << "bob is silent";
  EXPECT_EQ(speakers.speakers(0).sid(), alice.sid.value());
  EXPECT_TRUE(speakers.speakers(0).active());
  EXPECT_FLOAT_EQ(speakers.speakers(0).level(), 0.5F);

  event(forward::SpeakersChanged{meeting_->room().number, {{mic, 0, false}}});
  const Client& dan = join_active("dan");
  EXPECT_EQ(dan.count(Response::kSpeakersChanged), 0U) << "nobody speaks any more";
}

TEST_F(MeetingTest, tells_who_subscribes_that_somebody_speaks_already) {
  Client& alice = join_active("alice");
  const std::string sid = publish(alice, "mic", livekit::AUDIO);
  event(forward::SpeakersChanged{meeting_->room().number,
                                 {{publication_of(alice, sid), 0.5F, true}}});
  Client& bob = join_active("bob", {.auto_subscribe = false});
  EXPECT_EQ(bob.count(Response::kSpeakersChanged), 0U);
  livekit::SignalRequest wish;
  wish.mutable_subscription()->set_subscribe(true);
  wish.mutable_subscription()->add_track_sids(sid);
  request(bob, wish);
  ASSERT_EQ(bob.count(Response::kSpeakersChanged), 1U);
  const auto speakers = bob.last(Response::kSpeakersChanged)->speakers_changed();
  EXPECT_EQ(speakers.speakers(0).sid(), alice.sid.value());
  EXPECT_TRUE(speakers.speakers(0).active());
}

TEST_F(MeetingTest, tells_who_resumes_who_speaks_and_that_others_do_not) {
  Client& alice = join_active("alice");
  const PublicationId mic = publication_of(alice, publish(alice, "mic", livekit::AUDIO));
  Client& bob = join_active("bob");
  const PublicationId other = publication_of(bob, publish(bob, "mic", livekit::AUDIO));
  const Client& carol = join_active("carol");
  event(forward::SpeakersChanged{meeting_->room().number, {{mic, 0.5F, true}}});
  meeting_->handle_signal_closed(carol.sid, carol.session, now_);
  event(forward::SpeakersChanged{meeting_->room().number, {{mic, 0, false}, {other, 0.5F, true}}});

  Client& resumed = clients_["carol again"];
  resumed.session = SignalSessionId(50);
  resumed.sid = carol.sid;
  ResumeArguments arguments{
      .session = resumed.session, .identity = Identity("carol"), .request = {}, .make_token = {}};
  ASSERT_TRUE(meeting_->resume(std::move(arguments), now_).has_value());
  drain();
  std::map<std::string, bool> speaks;
  for (const auto& info : resumed.last(Response::kSpeakersChanged)->speakers_changed().speakers()) {
    speaks[info.sid()] = info.active();
  }
  EXPECT_EQ(speaks,
            (std::map<std::string, bool>{
                {alice.sid.value(), false}, {bob.sid.value(), true}, {carol.sid.value(), false}}));
}

}  // namespace
}  // namespace meridian::meeting
