#include "api/base64url.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace meridian::api {
namespace {

// RFC 4648 section 10, without the padding.
TEST(Base64Url, gives_the_values_of_the_rfc) {
  const std::pair<std::string_view, std::string_view> vectors[] = {
      {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},         {"foo", "Zm9v"},
      {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(base64url_encode(as_bytes(bytes)), text);
    EXPECT_EQ(base64url_decode(text), bytes);
  }
  EXPECT_EQ(base64url_decode("-_-_"), "\xfb\xff\xbf");
}

TEST(Base64Url, refuses_other_forms) {
  for (const char* text :
       {"Zg==", "Zg=", "Z", "Zm9vY", "Zh", "Zm9", "+/+/", "Zm9v\n", " Zm9v", "Zm.v"}) {
    EXPECT_FALSE(base64url_decode(text)) << text;
  }
}

TEST(Base64Url, decodes_what_it_encodes) {
  Rng rng(1);
  for (int i = 0; i < 1000; ++i) {
    std::string bytes;
    for (std::uint64_t n = rng.below(50); n > 0; --n) {
      bytes.push_back(static_cast<char>(rng.below(256)));
    }
    EXPECT_EQ(base64url_decode(base64url_encode(as_bytes(bytes))), bytes);
  }
}

}  // namespace
}  // namespace meridian::api
