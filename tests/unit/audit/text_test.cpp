#include "audit/text.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "base/random.hpp"

namespace meridian::audit {
namespace {

TEST(AuditText, keeps_well_formed_characters) {
  const std::string text = "a\u00e9\u20ac\U0001f600";
  EXPECT_EQ(clean_utf8(text, 100), text);
}

TEST(AuditText, replaces_each_ill_formed_byte) {
  const std::string mark = "\xef\xbf\xbd";
  EXPECT_EQ(clean_utf8("a\x80z", 100), "a" + mark + "z");
  EXPECT_EQ(clean_utf8("\xc0\xaf", 100), mark + mark);                        // overlong
  EXPECT_EQ(clean_utf8("\xed\xa0\x80", 100), mark + mark + mark);             // surrogate
  EXPECT_EQ(clean_utf8("\xf4\x90\x80\x80", 100), mark + mark + mark + mark);  // above U+10FFFF
  EXPECT_EQ(clean_utf8("\xe2\x82", 100), mark + mark);                        // cut off
}

TEST(AuditText, cuts_between_characters) {
  EXPECT_EQ(clean_utf8("ab\u20ac", 4), "ab");
  EXPECT_EQ(clean_utf8("ab\u20ac", 5), "ab\u20ac");
}

// Boost.JSON, which validates UTF-8, is the oracle: whatever the bytes, the string parses back.
TEST(AuditText, json_strings_parse_back) {
  Rng rng(7);
  for (int i = 0; i < 2000; ++i) {
    std::string bytes;
    for (std::uint64_t n = rng.below(20); n > 0; --n) {
      bytes.push_back(static_cast<char>(rng.below(256)));
    }
    const std::string clean = clean_utf8(bytes, 256);
    std::string quoted;
    append_json_string(quoted, clean);
    EXPECT_EQ(boost::json::parse(quoted).as_string(), clean);
  }
}

}  // namespace
}  // namespace meridian::audit
