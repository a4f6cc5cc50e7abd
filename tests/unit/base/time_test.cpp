#include "base/time.hpp"

#include <gtest/gtest.h>

namespace meridian {
namespace {

TEST(Instant, adds_and_subtracts_durations) {
  const Instant at = Instant::from_origin(5s);
  EXPECT_EQ((at + 250ms) - at, 250ms);
  EXPECT_EQ(at - 5s, Instant());
  EXPECT_LT(at, at + 1ns);
  EXPECT_EQ(at - (at + 1s), -1s);
}

TEST(Instant, never_is_later_than_all_and_stays_never) {
  const Instant at = Instant::from_origin(1h);
  EXPECT_LT(at, Instant::never());
  EXPECT_TRUE((Instant::never() + 1s).is_never());
  EXPECT_TRUE((Instant::never() - 1s).is_never());
  EXPECT_FALSE(at.is_never());
}

TEST(Instant, saturates_instead_of_overflowing) {
  EXPECT_TRUE((Instant::from_origin(Duration::max() - 1ns) + 2ns).is_never());
  EXPECT_TRUE((Instant::from_origin(1ns) + Duration::max()).is_never());
}

TEST(UnixTime, converts_between_units) {
  const UnixTime at = UnixTime::from_milliseconds(1'700'000'000'123);
  EXPECT_EQ(at.seconds(), 1'700'000'000);
  EXPECT_EQ(at.nanoseconds(), 1'700'000'000'123'000'000);
  EXPECT_EQ(at - UnixTime::from_seconds(1'700'000'000), 123ms);
  EXPECT_EQ((at + 877ms).milliseconds(), 1'700'000'001'000);
  EXPECT_LT(at, at + 1ns);
  EXPECT_EQ(UnixTime::from_nanoseconds(5), UnixTime() + 5ns);
}

}  // namespace
}  // namespace meridian
