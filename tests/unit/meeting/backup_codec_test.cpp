// A track that is published in a second codec, for those who can't play the first.
#include "meeting/limits.hpp"
#include "unit/meeting/meeting_fixture.hpp"

namespace meridian::meeting {
namespace {

class BackupCodecTest : public MeetingTest {
 protected:
  /// Alice publishes VP9, with VP8 to be had; the offers of everybody here list VP8 only.
  void publish_vp9(Client& alice) {
    livekit::SignalRequest message;
    auto& track = *message.mutable_add_track();
    track.set_cid("cam");
    track.set_type(livekit::VIDEO);
    track.set_source(livekit::CAMERA);
    track.add_simulcast_codecs()->set_codec("vp9");
    track.mutable_simulcast_codecs(0)->set_cid("cam");
    track.add_simulcast_codecs()->set_codec("vp8");
    request(alice, message);
    sid_ = alice.last(Response::kTrackPublished)->track_published().track().sid();
    alice.offers.published.push_back({rtp::MediaKind::kVideo, "cam"});
    offer(alice);
    first_ = publication_of(alice, sid_);
    event(forward::LayerStarted{first_, rtp::Codec::kVp9, 0, Ssrc(1)});
  }
  void publish_backup(Client& alice, const std::string& cid = "cam2") {
    livekit::SignalRequest message;
    auto& track = *message.mutable_add_track();
    track.set_cid(cid);
    track.set_sid(sid_);
    track.set_type(livekit::VIDEO);
    track.add_simulcast_codecs()->set_codec("vp8");
    track.mutable_simulcast_codecs(0)->set_cid(cid);
    request(alice, message);
    alice.offers.published.push_back({rtp::MediaKind::kVideo, cid, true});
    offer(alice);
  }
  std::string sid_;
  PublicationId first_;
};

TEST_F(BackupCodecTest, is_asked_for_when_somebody_needs_it_and_serves_them_only) {
  Client& alice = join_active("alice");
  publish_vp9(alice);
  Client& bob = join_active("bob");
  ASSERT_EQ(alice.count(Response::kSubscribedQualityUpdate), 1U);
  const auto asked = alice.last(Response::kSubscribedQualityUpdate)->subscribed_quality_update();
  EXPECT_EQ(asked.track_sid(), sid_);
  ASSERT_EQ(asked.subscribed_codecs_size(), 2);
  EXPECT_EQ(asked.subscribed_codecs(0).codec(), "vp9");
  EXPECT_EQ(asked.subscribed_codecs(1).codec(), "vp8");
  EXPECT_TRUE(asked.subscribed_codecs(1).qualities(2).enabled());
  EXPECT_EQ(bob.count(Response::kSubscriptionResponse), 0U) << "it is on its way";
  EXPECT_TRUE(commands<forward::Subscribe>().empty());

  forget_commands();
  publish_backup(alice);
  EXPECT_EQ(alice.last(Response::kTrackPublished)->track_published().cid(), "cam2");
  EXPECT_EQ(alice.last(Response::kTrackPublished)->track_published().track().sid(), sid_);
  ASSERT_EQ(commands<forward::Publish>().size(), 1U);
  const PublicationId second = commands<forward::Publish>()[0].second->publication;
  EXPECT_NE(second, first_);
  renegotiate(bob);
  ASSERT_EQ(commands<forward::Subscribe>().size(), 1U);
  EXPECT_EQ(commands<forward::Subscribe>()[0].second->publication, second);
  const auto seen = bob.seen("alice");
  ASSERT_EQ(seen->tracks_size(), 1) << "one track, whatever its codecs";
  EXPECT_EQ(seen->tracks(0).mime_type(), "video/vp9");
  EXPECT_EQ(seen->tracks(0).codecs(1).cid(), "cam2");
  EXPECT_EQ(seen->tracks(0).codecs(1).sdp_cid(), "cam2");
  EXPECT_EQ(meeting_->tracks(), 1U);
}

TEST_F(BackupCodecTest, layers_are_counted_for_each_codec) {
  Client& alice = join_active("alice");
  publish_vp9(alice);
  Client& bob = join_active("bob");
  publish_backup(alice);
  renegotiate(bob);
  const PublicationId second = commands<forward::Publish>().back().second->publication;
  event(forward::LayersWanted{.publication = first_, .max_spatial = 0, .is_wanted = false});
  event(forward::LayersWanted{.publication = second, .max_spatial = 1, .is_wanted = true});
  advance(kDynacastPauseDelay);
  const auto told = alice.last(Response::kSubscribedQualityUpdate)->subscribed_quality_update();
  EXPECT_FALSE(told.subscribed_codecs(0).qualities(0).enabled());
  EXPECT_TRUE(told.subscribed_codecs(1).qualities(1).enabled());
  EXPECT_FALSE(told.subscribed_codecs(1).qualities(2).enabled());
}

TEST_F(BackupCodecTest, ends_with_its_track) {
  Client& alice = join_active("alice");
  publish_vp9(alice);
  join_active("bob");
  publish_backup(alice);
  forget_commands();
  alice.offers.published[0].is_active = false;
  offer(alice);
  EXPECT_EQ(commands<forward::Unpublish>().size(), 2U);
  EXPECT_TRUE(participant(alice).publications.empty());
}

TEST_F(BackupCodecTest, can_be_taken_back_and_is_asked_for_again) {
  Client& alice = join_active("alice");
  publish_vp9(alice);
  Client& bob = join_active("bob");
  publish_backup(alice);
  renegotiate(bob);
  const std::size_t asked = alice.count(Response::kSubscribedQualityUpdate);
  alice.offers.published[1].is_active = false;
  offer(alice);
  renegotiate(bob);
  EXPECT_GT(alice.count(Response::kSubscribedQualityUpdate), asked);
  EXPECT_EQ(bob.seen("alice")->tracks_size(), 1);
}

TEST_F(BackupCodecTest, is_muted_with_its_track) {
  Client& alice = join_active("alice");
  publish_vp9(alice);
  join_active("bob");
  publish_backup(alice);
  livekit::SignalRequest mute;
  mute.mutable_mute()->set_sid(sid_);
  mute.mutable_mute()->set_muted(true);
  request(alice, mute);
  EXPECT_EQ(commands<forward::MutePublication>().size(), 2U);
}

TEST_F(BackupCodecTest, refuses_codecs_that_were_not_announced) {
  using Reason = livekit::RequestResponse;
  Client& alice = join_active("alice");
  publish_vp9(alice);
  const auto refused = [&](const std::string& sid, const std::string& codec) {
    livekit::SignalRequest message;
    auto& track = *message.mutable_add_track();
    track.set_cid("other");
    track.set_sid(sid);
    track.set_type(livekit::VIDEO);
    track.add_simulcast_codecs()->set_codec(codec);
    track.mutable_simulcast_codecs(0)->set_cid("other");
    request(alice, message);
    return alice.last(Response::kRequestResponse)->request_response().reason();
  };
  EXPECT_EQ(refused("TR_unknown", "vp8"), Reason::NOT_FOUND);
  EXPECT_EQ(refused(sid_, "h264"), Reason::UNSUPPORTED_TYPE);
  publish_backup(alice);
  EXPECT_EQ(refused(sid_, "vp8"), Reason::UNSUPPORTED_TYPE) << "one is enough";
}

TEST_F(BackupCodecTest, without_one_the_subscriber_is_told) {
  Client& alice = join_active("alice");
  const std::string sid = publish(alice, "cam", livekit::VIDEO);
  event(forward::LayerStarted{publication_of(alice, sid), rtp::Codec::kVp9, 0, Ssrc(1)});
  const Client& bob = join_active("bob");
  ASSERT_EQ(bob.count(Response::kSubscriptionResponse), 1U);
  EXPECT_EQ(bob.last(Response::kSubscriptionResponse)->subscription_response().err(),
            livekit::SE_CODEC_UNSUPPORTED);
}

}  // namespace
}  // namespace meridian::meeting
