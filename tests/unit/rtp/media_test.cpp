#include "rtp/media.hpp"

#include <string>

#include <gtest/gtest.h>

namespace meridian::rtp {
namespace {

TEST(ExtensionMap, finds_by_extension_and_by_id) {
  ExtensionMap map;
  EXPECT_FALSE(map.has(Extension::kMid));
  EXPECT_FALSE(map.find(0)) << "0 is not an id";
  map.set(Extension::kMid, 4);
  map.set(Extension::kDependencyDescriptor, 255);
  EXPECT_EQ(map.id(Extension::kMid), 4U);
  EXPECT_EQ(map.find(255), Extension::kDependencyDescriptor);
  EXPECT_FALSE(map.find(5));
  map.set(Extension::kMid, 0);
  EXPECT_FALSE(map.find(4));
}

TEST(Token, takes_token_characters_only) {
  for (int c = 0; c < 256; ++c) {
    const std::string text(1, static_cast<char>(c));
    const bool expected =
        c > 0x20 && c < 0x7f && std::string("\"(),/:;<=>?@[\\]").find(text) == std::string::npos;
    EXPECT_EQ(Token::parse(text).has_value(), expected) << c;
  }
}

TEST(Token, has_at_most_sixteen_characters) {
  EXPECT_FALSE(Token::parse(""));
  EXPECT_TRUE(Token::parse(std::string(16, 'x')));
  EXPECT_FALSE(Token::parse(std::string(17, 'x')));
}

TEST(Token, compares_by_its_text) {
  EXPECT_EQ(Token::parse("abc"), Token::parse("abc"));
  EXPECT_NE(Token::parse("abc"), Token::parse("abcd"));
  EXPECT_TRUE(Token().empty());
  EXPECT_EQ(Token::parse("q")->view(), "q");
}

}  // namespace
}  // namespace meridian::rtp
