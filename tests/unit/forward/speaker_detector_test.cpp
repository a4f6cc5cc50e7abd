#include "forward/speaker_detector.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "unit/forward/samples.hpp"

namespace meridian::forward {
namespace {

using test::at;

/// 20 ms packets over an interval, `loud` of them at `level`.
void speak(AudioActivity& activity, int loud, std::uint8_t level) {
  for (int i = 0; i < 20; ++i) {
    activity.observe(i < loud ? level : 127, 20ms);
  }
}

TEST(AudioActivity, speech_through_the_interval_is_loud) {
  AudioActivity activity;
  speak(activity, 20, 10);
  EXPECT_GT(activity.finish(400ms), 0.1F);
}

TEST(AudioActivity, noise_and_short_sounds_are_not_speech) {
  AudioActivity activity;
  speak(activity, 20, 36);
  EXPECT_EQ(activity.finish(400ms), 0);
  speak(activity, 7, 0);  // 35 % of the interval
  EXPECT_EQ(activity.finish(400ms), 0);
  speak(activity, 8, 0);
  EXPECT_GT(activity.finish(400ms), 0);
}

TEST(AudioActivity, louder_is_more_and_levels_are_eighths) {
  AudioActivity loud;
  AudioActivity quiet;
  speak(loud, 20, 0);
  speak(quiet, 20, 30);
  const float loud_level = loud.finish(400ms);
  const float quiet_level = quiet.finish(400ms);
  EXPECT_GT(loud_level, quiet_level);
  EXPECT_EQ(loud_level * 8, std::floor(loud_level * 8));
  EXPECT_LE(loud_level, 1.0F);
}

TEST(AudioActivity, falls_silent_after_speech) {
  AudioActivity activity;
  speak(activity, 20, 5);
  activity.finish(400ms);
  float level = 1;
  for (int i = 0; i < 6; ++i) {
    level = activity.finish(400ms);
  }
  EXPECT_EQ(level, 0);
}

TEST(AudioActivity, a_long_gap_counts_as_one_packet) {
  AudioActivity activity;
  activity.observe(0, 10s);
  EXPECT_EQ(activity.finish(400ms), 0);
}

TEST(SpeakerDetector, tells_only_what_changed_once_an_interval) {
  SpeakerDetector detector;
  AudioActivity a;
  AudioActivity b;
  detector.add(PublicationId(1), a);
  detector.add(PublicationId(2), b);
  speak(a, 20, 5);
  auto changes = detector.poll(at(1s));
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].publication, PublicationId(1));
  EXPECT_TRUE(changes[0].is_active);
  EXPECT_TRUE(detector.poll(at(1s + 399ms)).empty());
  for (Duration t = 1400ms; t < 5s; t += 400ms) {
    changes = detector.poll(at(t));
    if (!changes.empty() && !changes[0].is_active) {
      break;
    }
  }
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_FALSE(changes[0].is_active);
  EXPECT_EQ(changes[0].level, 0);
}

TEST(SpeakerDetector, who_goes_while_speaking_is_said_to_be_silent) {
  SpeakerDetector detector;
  AudioActivity a;
  detector.add(PublicationId(1), a);
  speak(a, 20, 5);
  ASSERT_EQ(detector.poll(at(1s)).size(), 1U);
  detector.remove(PublicationId(1));
  EXPECT_FALSE(detector.empty());
  const auto changes = detector.poll(detector.next_timeout());
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_FALSE(changes[0].is_active);
  EXPECT_TRUE(detector.empty());
}

}  // namespace
}  // namespace meridian::forward
