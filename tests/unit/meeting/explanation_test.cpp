#include "meeting/explanation.hpp"

#include <gmock/gmock.h>

#include "unit/meeting/meeting_fixture.hpp"

namespace meridian::meeting {
namespace {

using testing::HasSubstr;

TEST_F(MeetingTest, says_what_each_subscriber_gets_and_why) {
  Client& alice = join_active("alice");
  const std::string sid = publish(alice, "cam", livekit::VIDEO);
  Client& bob = join_active("bob");
  advance(1s);
  forward::DownlinkReport report{.transport = participant(bob).uplink.transport,
                                 .estimate = Bitrate(2'000'000),
                                 .reason = forward::EstimateReason::kProbe,
                                 .sent = Bitrate(1'800'000),
                                 .reserved = Bitrate(50'000),
                                 .video = Bitrate(1'700'000),
                                 .wished = Bitrate(1'700'000),
                                 .loss = 0.02F,
                                 .round_trip = 40ms,
                                 .videos = {}};
  report.videos.push_back({.publication = commands<forward::Subscribe>().at(0).second->publication,
                           .state = forward::VideoShare::State::kWhole,
                           .spatial = 2,
                           .temporal = 2,
                           .rate = Bitrate(1'700'000),
                           .awaited = {}});
  event(report);
  std::string text = explain(meeting_->room());
  EXPECT_THAT(text, HasSubstr("carries 2.00 Mbit/s (a probe went through)"));
  EXPECT_THAT(text, HasSubstr("loss 2.0 %, round trip 40 ms"));
  EXPECT_THAT(text,
              HasSubstr(sid + " of alice: layer 2.2 for 1.70 Mbit/s, all that is wished for\n"));
  report.estimate = Bitrate(300'000);
  report.reason = forward::EstimateReason::kDelay;
  report.videos[0].state = forward::VideoShare::State::kLimited;
  report.videos[0].spatial = 0;
  report.videos[0].awaited = 0;
  event(report);
  text = explain(meeting_->room());
  EXPECT_THAT(text,
              HasSubstr("no room for the next step; waits for a key frame of layer 0; was 2.2, "
                        "changed since the delay says 0.30 Mbit/s"));
}

TEST(DownlinkLog, keeps_the_last_seconds) {
  DownlinkLog log;
  for (int i = 0; i < 20; ++i) {
    forward::DownlinkReport report;
    log.add(report, UnixTime::from_seconds(i));
  }
  EXPECT_EQ(log.entries().size(), DownlinkLog::kMaxReports);
  EXPECT_EQ(log.entries().back().at, UnixTime::from_seconds(19));
}

}  // namespace
}  // namespace meridian::meeting
