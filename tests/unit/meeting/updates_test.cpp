#include "meeting/updates.hpp"

#include "meeting/limits.hpp"
#include "unit/meeting/meeting_fixture.hpp"

namespace meridian::meeting {
namespace {

TEST_F(MeetingTest, raises_the_version_with_every_change) {
  Client& alice = join_active("alice");
  const Client& bob = join_active("bob");
  const std::string sid = publish(alice, "mic", livekit::AUDIO);
  std::uint32_t last = 0;
  for (const auto& message : bob.all(Response::kUpdate)) {
    for (const auto& info : message.update().participants()) {
      if (info.identity() == "alice") {
        EXPECT_GT(info.version(), last);
        last = info.version();
      }
    }
  }
  EXPECT_GT(last, 0U);
}

TEST_F(MeetingTest, collects_comings_and_goings_in_large_rooms) {
  const Client& first = join_active("first");
  for (std::size_t i = 0; i < kSmallRoom; ++i) {
    join_active("p" + std::to_string(i));
  }
  advance(kUpdateBatch);
  const std::size_t before = first.count(Response::kUpdate);
  join_active("late1");
  join_active("late2");
  EXPECT_EQ(first.count(Response::kUpdate), before);
  advance(kUpdateBatch);
  EXPECT_EQ(first.count(Response::kUpdate), before + 1);
  EXPECT_EQ(first.last(Response::kUpdate)->update().participants_size(), 2);
  EXPECT_EQ(first.seen("late2")->state(), livekit::ParticipantInfo::ACTIVE);
}

TEST_F(MeetingTest, does_not_echo_a_track_to_its_publisher) {
  Client& alice = join_active("alice");
  const std::size_t before = alice.count(Response::kUpdate);
  publish(alice, "mic", livekit::AUDIO);
  EXPECT_EQ(alice.count(Response::kUpdate), before);
}

TEST_F(MeetingTest, splits_updates_that_would_be_too_large) {
  limits_.metadata_size = 200 * 1024;
  Client& alice = join_active("alice");
  Client& bob = join_active("bob");
  livekit::SignalRequest update;
  update.mutable_update_metadata()->set_metadata(std::string(100 * 1024, 'x'));
  request(alice, update);
  request(bob, update);
  Client& again = clients_["again"];
  again.session = SignalSessionId(60);
  again.sid = alice.sid;
  ResumeArguments arguments{
      .session = again.session, .identity = Identity("alice"), .request = {}, .make_token = {}};
  ASSERT_TRUE(meeting_->resume(std::move(arguments), now_).has_value());
  drain();
  EXPECT_EQ(again.count(Response::kUpdate), 2U);
}

}  // namespace
}  // namespace meridian::meeting
