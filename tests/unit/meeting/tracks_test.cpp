#include "meeting/tracks.hpp"

#include "meeting/limits.hpp"
#include "unit/meeting/meeting_fixture.hpp"

namespace meridian::meeting {
namespace {

using Reason = livekit::RequestResponse;

TEST_F(MeetingTest, announces_a_track_when_its_section_is_negotiated) {
  Client& alice = join_active("alice");
  const Client& bob = join_active("bob");
  add_track(alice, "cam", livekit::VIDEO, livekit::CAMERA);
  const auto published = alice.last(Response::kTrackPublished)->track_published();
  EXPECT_EQ(published.cid(), "cam");
  EXPECT_TRUE(published.track().sid().starts_with("TR_"));
  EXPECT_TRUE(bob.seen("alice")->tracks().empty());
  alice.offers.published.push_back({rtp::MediaKind::kVideo, "cam", true});
  offer(alice);
  ASSERT_EQ(bob.seen("alice")->tracks_size(), 1);
  const livekit::TrackInfo track = bob.seen("alice")->tracks(0);
  EXPECT_EQ(track.sid(), published.track().sid());
  EXPECT_EQ(track.mime_type(), "video/vp8");
  EXPECT_EQ(track.mid(), "7");
  EXPECT_EQ(track.layers(1).rid(), "h");
  EXPECT_TRUE(bob.seen("alice")->is_publisher());
  ASSERT_EQ(commands<forward::Publish>().size(), 1U);
  const auto configured = commands<forward::ConfigureReceive>();
  ASSERT_FALSE(configured.empty());
  ASSERT_EQ(configured.back().second->sections.size(), 1U);
  EXPECT_EQ(configured.back().second->sections[0].publication,
            commands<forward::Publish>()[0].second->publication);
}

TEST_F(MeetingTest, matches_by_kind_when_the_browser_changed_the_track_id) {
  Client& alice = join_active("alice");
  add_track(alice, "mic", livekit::AUDIO, livekit::MICROPHONE);
  alice.offers.published.push_back({rtp::MediaKind::kAudio, "another-id"});
  offer(alice);
  ASSERT_EQ(participant(alice).publications.size(), 1U);
  EXPECT_TRUE(participant(alice).publications[0]->is_published());
  EXPECT_EQ(participant(alice).publications[0]->info.codecs(0).sdp_cid(), "another-id");
}

TEST_F(MeetingTest, matches_each_of_several_tracks_by_its_cid) {
  Client& alice = join_active("alice");
  add_track(alice, "one", livekit::VIDEO, livekit::CAMERA);
  add_track(alice, "two", livekit::VIDEO, livekit::SCREEN_SHARE);
  alice.offers.published.push_back({rtp::MediaKind::kVideo, "two"});
  alice.offers.published.push_back({rtp::MediaKind::kVideo, "one"});
  offer(alice);
  for (const auto& publication : participant(alice).publications) {
    EXPECT_EQ(publication->section->track_id, publication->cid);
  }
}

TEST_F(MeetingTest, claims_a_section_that_came_before_its_add_track) {
  Client& alice = join_active("alice");
  alice.offers.published.push_back({rtp::MediaKind::kAudio, "mic"});
  offer(alice);
  EXPECT_TRUE(commands<forward::Publish>().empty());
  EXPECT_EQ(commands<forward::ConfigureReceive>().back().second->sections[0].publication,
            PublicationId());
  add_track(alice, "mic", livekit::AUDIO, livekit::MICROPHONE);
  ASSERT_EQ(commands<forward::Publish>().size(), 1U);
  EXPECT_EQ(commands<forward::ConfigureReceive>().back().second->sections[0].publication,
            commands<forward::Publish>()[0].second->publication);
}

TEST_F(MeetingTest, repeats_the_answer_to_a_repeated_add_track) {
  Client& alice = join_active("alice");
  add_track(alice, "mic", livekit::AUDIO, livekit::MICROPHONE);
  add_track(alice, "mic", livekit::AUDIO, livekit::MICROPHONE);
  const auto answers = alice.all(Response::kTrackPublished);
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(answers[0].track_published().track().sid(), answers[1].track_published().track().sid());
}

TEST_F(MeetingTest, unpublishes_when_the_section_stops) {
  Client& alice = join_active("alice");
  const Client& bob = join_active("bob");
  publish(alice, "cam", livekit::VIDEO);
  ASSERT_EQ(bob.seen("alice")->tracks_size(), 1);
  alice.offers.published[0].is_active = false;
  offer(alice);
  EXPECT_EQ(bob.seen("alice")->tracks_size(), 0);
  EXPECT_FALSE(bob.seen("alice")->is_publisher());
  EXPECT_EQ(commands<forward::Unpublish>().size(), 1U);
  EXPECT_TRUE(participant(bob).subscriptions.empty());
}

TEST_F(MeetingTest, adds_a_queued_track_once_its_cid_is_free) {
  Client& alice = join_active("alice");
  publish(alice, "cam", livekit::VIDEO);
  add_track(alice, "cam", livekit::VIDEO, livekit::CAMERA);
  EXPECT_EQ(alice.last(Response::kRequestResponse)->request_response().reason(), Reason::QUEUED);
  EXPECT_EQ(alice.count(Response::kTrackPublished), 1U);
  alice.offers.published[0].is_active = false;
  alice.offers.published.push_back({rtp::MediaKind::kVideo, "cam"});
  offer(alice);
  EXPECT_EQ(alice.count(Response::kTrackPublished), 2U);
  ASSERT_EQ(participant(alice).publications.size(), 1U);
  EXPECT_TRUE(participant(alice).publications[0]->is_published());
}

TEST_F(MeetingTest, refuses_tracks_that_the_token_does_not_allow) {
  livekit::ParticipantPermission listener = all_rights();
  listener.set_can_publish(false);
  Client& bob = join_active("bob", {.permission = listener});
  add_track(bob, "mic", livekit::AUDIO, livekit::MICROPHONE);
  EXPECT_EQ(bob.last(Response::kRequestResponse)->request_response().reason(), Reason::NOT_ALLOWED);
  livekit::ParticipantPermission only_audio = all_rights();
  only_audio.add_can_publish_sources(livekit::MICROPHONE);
  Client& carol = join_active("carol", {.permission = only_audio});
  add_track(carol, "mic", livekit::AUDIO, livekit::MICROPHONE);
  EXPECT_EQ(carol.count(Response::kTrackPublished), 1U);
  add_track(carol, "cam", livekit::VIDEO, livekit::CAMERA);
  EXPECT_EQ(carol.last(Response::kRequestResponse)->request_response().reason(),
            Reason::NOT_ALLOWED);
  EXPECT_EQ(carol.last(Response::kRequestResponse)->request_response().add_track().cid(), "cam");
}

TEST_F(MeetingTest, refuses_what_it_can_not_publish) {
  Client& alice = join_active("alice");
  livekit::SignalRequest data;
  data.mutable_add_track()->set_cid("data");
  data.mutable_add_track()->set_type(livekit::DATA);
  request(alice, data);
  EXPECT_EQ(alice.last(Response::kRequestResponse)->request_response().reason(),
            Reason::UNSUPPORTED_TYPE);
  livekit::SignalRequest second_codec;
  second_codec.mutable_add_track()->set_cid("backup");
  second_codec.mutable_add_track()->set_sid("TR_unknown");
  request(alice, second_codec);
  EXPECT_EQ(alice.last(Response::kRequestResponse)->request_response().reason(), Reason::NOT_FOUND);
  for (std::size_t i = 0; i < kMaxPendingTracks; ++i) {
    add_track(alice, "mic" + std::to_string(i), livekit::AUDIO, livekit::MICROPHONE);
  }
  add_track(alice, "one too many", livekit::AUDIO, livekit::MICROPHONE);
  EXPECT_EQ(alice.last(Response::kRequestResponse)->request_response().reason(),
            Reason::LIMIT_EXCEEDED);
}

TEST_F(MeetingTest, refuses_descriptions_of_tracks_that_no_client_would_make) {
  Client& alice = join_active("alice");
  livekit::SignalRequest huge;
  huge.mutable_add_track()->set_cid("mic");
  huge.mutable_add_track()->set_stream(std::string(kMaxAddTrackBytes, 'x'));
  request(alice, huge);
  EXPECT_EQ(alice.last(Response::kRequestResponse)->request_response().reason(),
            Reason::LIMIT_EXCEEDED);
}

TEST_F(MeetingTest, mutes_without_negotiation) {
  Client& alice = join_active("alice");
  const Client& bob = join_active("bob");
  const std::string sid = publish(alice, "mic", livekit::AUDIO);
  livekit::SignalRequest mute;
  mute.mutable_mute()->set_sid(sid);
  mute.mutable_mute()->set_muted(true);
  request(alice, mute);
  EXPECT_TRUE(bob.seen("alice")->tracks(0).muted());
  ASSERT_EQ(commands<forward::MutePublication>().size(), 1U);
  EXPECT_TRUE(commands<forward::MutePublication>()[0].second->is_muted);
  mute.mutable_mute()->set_muted(false);
  request(alice, mute);
  EXPECT_FALSE(bob.seen("alice")->tracks(0).muted());
  mute.mutable_mute()->set_sid("TR_unknown");
  request(alice, mute);
  EXPECT_EQ(alice.last(Response::kRequestResponse)->request_response().reason(), Reason::NOT_FOUND);
}

TEST_F(MeetingTest, corrects_the_codec_when_packets_tell) {
  Client& alice = join_active("alice");
  const Client& bob = join_active("bob");
  const std::string sid = publish(alice, "cam", livekit::VIDEO);
  event(forward::LayerStarted{publication_of(alice, sid), rtp::Codec::kH264, 0, Ssrc(1)});
  EXPECT_EQ(bob.seen("alice")->tracks(0).mime_type(), "video/h264");
}

TEST_F(MeetingTest, asks_publishers_only_for_layers_that_somebody_wants) {
  Client& alice = join_active("alice");
  const std::string sid = publish(alice, "cam", livekit::VIDEO);
  const PublicationId id = publication_of(alice, sid);
  event(forward::LayersWanted{.publication = id, .max_spatial = 0, .is_wanted = true});
  EXPECT_EQ(alice.count(Response::kSubscribedQualityUpdate), 0U);
  advance(kDynacastPauseDelay);
  ASSERT_EQ(alice.count(Response::kSubscribedQualityUpdate), 1U);
  auto update = alice.last(Response::kSubscribedQualityUpdate)->subscribed_quality_update();
  EXPECT_EQ(update.track_sid(), sid);
  EXPECT_TRUE(update.subscribed_codecs(0).qualities(0).enabled());
  EXPECT_FALSE(update.subscribed_codecs(0).qualities(1).enabled());
  event(forward::LayersWanted{.publication = id, .max_spatial = 2, .is_wanted = true});
  update = alice.last(Response::kSubscribedQualityUpdate)->subscribed_quality_update();
  EXPECT_TRUE(update.subscribed_codecs(0).qualities(2).enabled());
}

TEST_F(MeetingTest, changes_audio_features_and_video_sizes) {
  Client& alice = join_active("alice");
  const Client& bob = join_active("bob");
  const std::string mic = publish(alice, "mic", livekit::AUDIO);
  const std::string cam = publish(alice, "cam", livekit::VIDEO);
  livekit::SignalRequest features;
  features.mutable_update_audio_track()->set_track_sid(mic);
  features.mutable_update_audio_track()->add_features(livekit::TF_ECHO_CANCELLATION);
  request(alice, features);
  EXPECT_EQ(bob.seen("alice")->tracks(0).audio_features(0), livekit::TF_ECHO_CANCELLATION);
  livekit::SignalRequest size;
  size.mutable_update_video_track()->set_track_sid(cam);
  size.mutable_update_video_track()->set_width(640);
  size.mutable_update_video_track()->set_height(360);
  request(alice, size);
  EXPECT_EQ(bob.seen("alice")->tracks(1).width(), 640U);
  size.mutable_update_video_track()->set_track_sid(mic);
  request(alice, size);
  EXPECT_EQ(alice.last(Response::kRequestResponse)->request_response().reason(),
            Reason::INVALID_REQUEST);
}

}  // namespace
}  // namespace meridian::meeting
