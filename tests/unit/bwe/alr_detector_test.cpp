#include "bwe/alr_detector.hpp"

#include <gtest/gtest.h>

#include "unit/bwe/samples.hpp"

namespace meridian::bwe {
namespace {

using test::at;

/// `rate` in bytes each 10 ms.
void send(AlrDetector& alr, std::size_t bytes, Instant& now, Duration time) {
  for (const Instant end = now + time; now < end; now = now + 10ms) {
    alr.on_sent(bytes, now);
  }
}

TEST(AlrDetector, sees_when_the_source_sends_less_than_it_may) {
  AlrDetector alr;
  alr.set_estimate(Bitrate(1'000'000));
  Instant now = at(1s);
  send(alr, 1250, now, 2s);
  EXPECT_FALSE(alr.is_active());
  send(alr, 250, now, 3s);
  EXPECT_TRUE(alr.is_active());
  send(alr, 1250, now, 3s);
  EXPECT_FALSE(alr.is_active());
}

TEST(AlrDetector, silence_is_application_limited_too) {
  AlrDetector alr;
  alr.set_estimate(Bitrate(1'000'000));
  Instant now = at(1s);
  send(alr, 1250, now, 1s);
  for (int i = 0; i < 100; ++i) {
    now = now + 10ms;
    alr.advance(now);
  }
  EXPECT_TRUE(alr.is_active());
}

}  // namespace
}  // namespace meridian::bwe
