#include "meeting/participant.hpp"

#include <gtest/gtest.h>

namespace meridian::meeting {
namespace {

TEST(Participant, shows_only_published_tracks) {
  SeededRandomSource random(1);
  Participant participant({}, random);
  participant.info.set_sid("PA_1");
  for (const auto* sid : {"TR_pending", "TR_published"}) {
    auto publication = std::make_unique<Publication>();
    publication->sid = TrackSid(sid);
    publication->info.set_sid(sid);
    participant.publications.push_back(std::move(publication));
  }
  EXPECT_FALSE(participant.full_info().is_publisher());
  participant.publications[1]->section.emplace();
  const livekit::ParticipantInfo info = participant.full_info();
  ASSERT_EQ(info.tracks_size(), 1);
  EXPECT_EQ(info.tracks(0).sid(), "TR_published");
  EXPECT_TRUE(info.is_publisher());
  EXPECT_EQ(participant.find_track(TrackSid("TR_pending"))->sid, TrackSid("TR_pending"));
  EXPECT_EQ(participant.find_track(TrackSid("TR_none")), nullptr);
  EXPECT_EQ(participant.find_track(PublicationId(77)), nullptr);
}

}  // namespace
}  // namespace meridian::meeting
