// Meeting::choose_tracks (meeting/track_choice.cpp).
#include "unit/meeting/meeting_fixture.hpp"

namespace meridian::meeting {
namespace {

class TrackChoiceTest : public MeetingTest {
 protected:
  std::vector<std::string> choose(const TrackChoice& choice) {
    std::vector<std::string> sids;
    for (const TrackSid& sid : meeting_->choose_tracks(viewer_.sid, choice)) {
      sids.push_back(sid.value());
    }
    return sids;
  }
  using Sids = std::vector<std::string>;
  static TrackChoice at_most(std::size_t audios, std::size_t videos) {
    return {.publisher = {}, .track = {}, .max_audios = audios, .max_videos = videos};
  }
  static TrackChoice of(const std::string& publisher) {
    return {.publisher = Identity(publisher), .track = {}};
  }
  static TrackChoice only(const std::string& track) {
    return {.publisher = {}, .track = TrackSid(track)};
  }

  Client& viewer_ = join_active("viewer");
  Client& ann_ = join_active("ann");
  Client& ben_ = join_active("ben");
};

TEST_F(TrackChoiceTest, takes_the_newest_of_each_kind_pictures_first) {
  EXPECT_EQ(choose({}), Sids());
  const std::string sound = publish(ann_, "mic", livekit::AUDIO);
  const std::string older = publish(ann_, "cam", livekit::VIDEO);
  const std::string newer = publish(ben_, "cam", livekit::VIDEO);
  EXPECT_EQ(choose({}), (Sids{newer, sound}));
  EXPECT_EQ(choose(at_most(1, 2)), (Sids{newer, older, sound}));
  EXPECT_EQ(choose(at_most(0, 1)), (Sids{newer}));
  EXPECT_EQ(choose(of("ann")), (Sids{older, sound}));
  EXPECT_EQ(choose(of("nobody")), Sids());
  EXPECT_EQ(choose(only(older)), (Sids{older}));
}

TEST_F(TrackChoiceTest, leaves_out_what_is_not_for_the_subscriber) {
  const std::string hidden = publish(viewer_, "own", livekit::VIDEO);
  publish(ann_, "cam", livekit::VIDEO);
  livekit::SignalRequest nobody;
  nobody.mutable_subscription_permission()->set_all_participants(false);
  request(ann_, nobody);
  EXPECT_EQ(choose({}), Sids());
  EXPECT_EQ(choose(only(hidden)), Sids()) << "one's own";
  EXPECT_TRUE(meeting_->choose_tracks(ParticipantSid("PA_none"), {}).empty());
}

TEST_F(TrackChoiceTest, knows_who_publishes) {
  EXPECT_FALSE(meeting_->publishes(ann_.sid));
  add_track(ann_, "cam", livekit::VIDEO, livekit::CAMERA);
  EXPECT_FALSE(meeting_->publishes(ann_.sid)) << "announced only";
  publish(ann_, "mic", livekit::AUDIO);
  EXPECT_TRUE(meeting_->publishes(ann_.sid));
}

}  // namespace
}  // namespace meridian::meeting
