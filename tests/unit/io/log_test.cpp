#include "io/log.hpp"

#include <gtest/gtest.h>

namespace meridian::io::log {
namespace {

TEST(Log, writes_plain_values_as_they_are) {
  EXPECT_EQ(format_line("listening", {{"address", "[::1]:7880"}, {"worker", 3}}),
            "event=listening address=[::1]:7880 worker=3");
}

TEST(Log, quotes_and_escapes_so_that_no_value_ends_a_line_or_forges_a_field) {
  EXPECT_EQ(format_line("x", {{"a", "b c=d"}}), R"(event=x a="b c=d")");
  EXPECT_EQ(format_line("x", {{"a", "one\r\nevent=forged"}}),
            R"(event=x a="one\x0d\x0aevent=forged")");
  EXPECT_EQ(format_line("x", {{"a", R"(q"\)"}}), R"(event=x a="q\"\\")");
  EXPECT_EQ(format_line("x", {{"a", ""}}), R"(event=x a="")");
}

TEST(Log, cuts_long_values) {
  const std::string line = format_line("x", {{"a", std::string(100'000, 'y')}});
  EXPECT_EQ(line.size(), std::string("event=x a=").size() + kMaxValueSize);
}

TEST(Log, refuses_unknown_levels) {
  EXPECT_FALSE(set_level("loud"));
  EXPECT_TRUE(set_level("info"));
}

TEST(LogRateLimit, lets_one_event_through_each_interval_and_counts_the_others) {
  RateLimit limit(1s);
  const Instant start = Instant::from_origin(10s);
  EXPECT_TRUE(limit.allow(start));
  EXPECT_FALSE(limit.allow(start + 1ms));
  EXPECT_FALSE(limit.allow(start + 999ms));
  EXPECT_TRUE(limit.allow(start + 1s));
  EXPECT_EQ(limit.held_back(), 2U);
}

}  // namespace
}  // namespace meridian::io::log
