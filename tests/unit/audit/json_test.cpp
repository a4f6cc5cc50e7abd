#include "audit/json.hpp"

#include <limits>

#include <gtest/gtest.h>

namespace meridian::audit {
namespace {

TEST(AuditJson, has_one_canonical_text_whatever_the_layout) {
  const auto json = Json::parse(" { \"b\" : [ 1 , -2,\"\\u0041\\n\\/\" ],\n\"a\":{} , \"c\":[]}");
  ASSERT_TRUE(json);
  EXPECT_EQ(json->canonical(), R"({"a":{},"b":[1,-2,"A\u000a/"],"c":[]})");
  EXPECT_EQ(Json::parse(json->canonical()), *json);
  EXPECT_EQ(json->at("b").array()[1].integer(), -2);
  EXPECT_EQ(json->at("b").array()[1].number(), 0U);
  EXPECT_TRUE(json->at("nothing").at("there").text().empty());
}

TEST(AuditJson, refuses_what_has_no_canonical_text) {
  for (const char* text : {"",
                           "{",
                           "}",
                           "{\"a\":1,\"a\":2}",
                           "1.5",
                           "1e3",
                           "01",
                           "-0",
                           "+1",
                           "99999999999999999999",
                           "null",
                           "true",
                           "\"\\ud800\"",
                           "\"\n\"",
                           "\"\xff\"",
                           "\"",
                           "[1,]",
                           "[1]x",
                           "{\"a\"}",
                           "\"\\u00e9\"",
                           "\"\\x\""}) {
    EXPECT_FALSE(Json::parse(text)) << text;
  }
}

TEST(AuditJson, is_bounded_in_depth) {
  EXPECT_TRUE(Json::parse(std::string(16, '[') + std::string(16, ']')));
  EXPECT_FALSE(Json::parse(std::string(100'000, '[')));
}

TEST(AuditJson, numbers_stay_within_what_it_can_write) {
  EXPECT_EQ(Json(std::numeric_limits<std::uint64_t>::max()).canonical(), "9223372036854775807");
  EXPECT_EQ(Json(std::numeric_limits<std::int64_t>::min()).canonical(), "-9223372036854775808");
}

}  // namespace
}  // namespace meridian::audit
