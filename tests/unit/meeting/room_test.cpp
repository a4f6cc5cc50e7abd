#include "meeting/room.hpp"

#include "unit/meeting/meeting_fixture.hpp"

namespace meridian::meeting {
namespace {

TEST(NewSid, has_a_prefix_and_twelve_letters_or_digits) {
  SeededRandomSource random(1);
  const std::string one = new_sid("TR_", random);
  EXPECT_TRUE(one.starts_with("TR_"));
  EXPECT_EQ(one.size(), 15U);
  EXPECT_NE(one, new_sid("TR_", random));
}

TEST_F(MeetingTest, describes_the_room) {
  livekit::ParticipantPermission recorder = all_rights();
  recorder.set_hidden(true);
  recorder.set_recorder(true);
  Client& alice = join_active("alice");
  publish(alice, "mic", livekit::AUDIO);
  EXPECT_FALSE(meeting_->room().info().active_recording());
  join_active("recorder", {.permission = recorder});
  const livekit::Room info = meeting_->room().info();
  EXPECT_EQ(info.name(), "standup");
  EXPECT_EQ(info.num_participants(), 1U);
  EXPECT_EQ(info.num_publishers(), 1U);
  EXPECT_TRUE(info.active_recording());
  EXPECT_EQ(info.empty_timeout(), 300U);
  EXPECT_EQ(info.departure_timeout(), 20U);
  EXPECT_EQ(info.creation_time(), 1'700'000'000);
}

}  // namespace
}  // namespace meridian::meeting
