#include "io/turn_pace.hpp"

#include <gtest/gtest.h>

namespace meridian::io {
namespace {

constexpr Instant kStart = Instant::from_origin(100s);

TEST(TurnPace, lets_reports_that_come_closely_come_together) {
  TurnPace pace;
  pace.begin(kStart);
  pace.note_report();
  EXPECT_FALSE(pace.rest_until(Instant::never()));  // the first one
  pace.begin(kStart + 300us);
  pace.note_report();
  EXPECT_EQ(pace.rest_until(Instant::never()), kStart + 300us + TurnPace::kRest);
  pace.begin(kStart + 300us + TurnPace::kRest);
  pace.note_report();
  EXPECT_FALSE(pace.rest_until(Instant::never()));  // they don't come closely any more
}

TEST(TurnPace, does_not_wait_after_media) {
  TurnPace pace;
  pace.begin(kStart);
  pace.begin(kStart + 100us);
  pace.note_media();
  EXPECT_FALSE(pace.rest_until(Instant::never()));
  pace.begin(kStart + 200us);
  pace.note_report();
  EXPECT_TRUE(pace.rest_until(Instant::never()));
}

TEST(TurnPace, does_not_wait_after_a_turn_that_finds_nothing) {
  TurnPace pace;
  pace.begin(kStart);
  pace.note_media();
  pace.begin(kStart + 100us);  // a timer, or a wake-up too many
  EXPECT_FALSE(pace.rest_until(Instant::never()));
}

TEST(TurnPace, does_not_wait_beyond_what_is_due) {
  TurnPace pace;
  pace.begin(kStart);
  pace.begin(kStart + 100us);
  pace.note_report();
  EXPECT_EQ(pace.rest_until(kStart + 150us), kStart + 150us);
}

}  // namespace
}  // namespace meridian::io
