#include "api/url.hpp"

#include <gtest/gtest.h>

namespace meridian::api {
namespace {

TEST(Url, is_taken_apart) {
  EXPECT_EQ(parse_url("https://id.example/realm/a?b=c#d"),
            (Url{true, "id.example", "443", "/realm/a?b=c"}));
  EXPECT_EQ(parse_url("ws://127.0.0.1:7880"), (Url{false, "127.0.0.1", "7880", "/"}));
  EXPECT_EQ(parse_url("wss://[2001:db8::1]?x"), (Url{true, "2001:db8::1", "443", "/?x"}));
  EXPECT_EQ(parse_url("http://[::1]:80/")->authority(), "[::1]:80");
  EXPECT_EQ(parse_url("http://a")->authority(), "a:80");
}

TEST(Url, refuses_what_it_does_not_know) {
  for (const char* text :
       {"", "ftp://a", "https://", "https:///x", "https://user@a", "https://user:pw@a",
        "https://a:", "https://a:b", "https://a:123456", "https://[::1", "https://[a]",
        "https://[::1]x", "https://a/\r\nX: y", "https://a b", "//a", "HTTPS://a"}) {
    EXPECT_FALSE(parse_url(text)) << text;
  }
}

TEST(Url, escapes_and_takes_escapes_away) {
  EXPECT_EQ(percent_encode("a b/ü+~"), "a%20b%2F%C3%BC%2B~");
  EXPECT_EQ(percent_decode(percent_encode("a b/ü+~")), "a b/ü+~");
  EXPECT_EQ(percent_decode("+"), "+");
  for (const char* text : {"%", "%4", "%4x", "%x4", "a%"}) {
    EXPECT_FALSE(percent_decode(text)) << text;
  }
}

TEST(Url, finds_the_first_query_parameter_of_a_name) {
  EXPECT_EQ(query_parameter("/a?b=1&c=%32&c=3", "c"), "2");
  EXPECT_EQ(query_parameter("/a?b", "b"), "");
  EXPECT_EQ(query_parameter("/a?b=1#c=2", "c"), std::nullopt);
  EXPECT_EQ(query_parameter("/a", "b"), std::nullopt);
  EXPECT_EQ(query_parameter("/a?b=%", "b"), std::nullopt);
}

}  // namespace
}  // namespace meridian::api
