#include "audit/base64.hpp"

#include <gtest/gtest.h>

namespace meridian::audit {
namespace {

TEST(AuditBase64, has_the_vectors_of_rfc_4648) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : vectors) {
    EXPECT_EQ(base64(as_bytes(plain)), encoded);
    const auto decoded = parse_base64(encoded);
    ASSERT_TRUE(decoded) << encoded;
    EXPECT_EQ(as_text(*decoded), plain);
  }
}

TEST(AuditBase64, refuses_every_other_form) {
  for (const char* text : {"Zg", "Zg=", "Zh==", "Zm9v=", "Zm 9v", "Zm9-", "=", "Zg==Zg=="}) {
    EXPECT_FALSE(parse_base64(text)) << text;
  }
}

}  // namespace
}  // namespace meridian::audit
