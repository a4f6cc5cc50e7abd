#include "rtcp/keyframe_throttle.hpp"

#include <gtest/gtest.h>

namespace meridian::rtcp {
namespace {

Instant at(Duration time) {
  return Instant::from_origin(time);
}

TEST(KeyframeThrottle, sends_the_first_request_at_once) {
  KeyframeThrottle throttle(0);
  EXPECT_FALSE(throttle.poll(at(0s)));
  EXPECT_TRUE(throttle.next_timeout().is_never());
  throttle.request();
  EXPECT_TRUE(throttle.poll(at(0s)));
  EXPECT_FALSE(throttle.poll(at(0s)));
}

TEST(KeyframeThrottle, turns_a_storm_into_two_requests_a_second) {
  KeyframeThrottle throttle(0);
  int sent = 0;
  for (int ms = 0; ms < 20'000; ++ms) {
    throttle.request();
    sent += throttle.poll(at(ms * 1ms)) ? 1 : 0;
    if (ms % 500 == 100) {
      throttle.on_key_frame();
    }
  }
  EXPECT_EQ(sent, 40);
}

TEST(KeyframeThrottle, keeps_the_request_of_a_late_joiner) {
  KeyframeThrottle throttle(2);
  throttle.request();
  EXPECT_TRUE(throttle.poll(at(10s)));
  throttle.on_key_frame();
  throttle.request();  // 100 ms later
  EXPECT_FALSE(throttle.poll(at(10s + 100ms)));
  EXPECT_EQ(throttle.next_timeout(), at(11s));
  EXPECT_TRUE(throttle.poll(at(11s)));
}

TEST(KeyframeThrottle, repeats_a_request_that_brought_no_key_frame_but_not_for_ever) {
  KeyframeThrottle throttle(0);
  throttle.request();
  int sent = 0;
  for (int ms = 0; ms < 60'000; ++ms) {
    sent += throttle.poll(at(ms * 1ms)) ? 1 : 0;
  }
  EXPECT_EQ(sent, KeyframeThrottle::kMaxAttempts);
  EXPECT_TRUE(throttle.next_timeout().is_never());
  throttle.request();
  EXPECT_TRUE(throttle.poll(at(60s)));
}

}  // namespace
}  // namespace meridian::rtcp
