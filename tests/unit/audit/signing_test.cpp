#include "audit/signing.hpp"

#include <gtest/gtest.h>

#include "support/hex.hpp"

namespace meridian::audit {
namespace {

template <std::size_t kSize>
std::array<std::uint8_t, kSize> array_of(std::string_view hex) {
  const auto bytes = test::from_hex(hex);
  std::array<std::uint8_t, kSize> result{};
  std::ranges::copy(bytes, result.begin());
  return result;
}

// RFC 8032 section 7.1, TEST 2.
TEST(AuditSigning, has_the_signature_of_the_rfc) {
  const SigningKey key("log", array_of<32>("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6"
                                           "ed4fb8a6fb"));
  EXPECT_EQ(key.public_key(),
            PublicKey("log", array_of<32>("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f1"
                                          "2af4660c")));
  const std::array<std::uint8_t, 1> message = {0x72};
  EXPECT_EQ(
      key.sign(message),
      array_of<64>("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e"
                   "15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"));
  EXPECT_TRUE(key.public_key().verify(message, key.sign(message)));
  EXPECT_FALSE(key.public_key().verify({}, key.sign(message)));
  auto changed = key.sign(message);
  changed[5] ^= 1U;
  EXPECT_FALSE(key.public_key().verify(message, changed));
}

TEST(AuditSigning, public_keys_are_published_in_one_form) {
  SeededRandomSource random(1);
  const SigningKey key = SigningKey::generate("meridian-log", random);
  const std::string text = key.public_key().to_string();
  EXPECT_TRUE(text.starts_with("meridian-log+"));
  EXPECT_EQ(PublicKey::parse(text), key.public_key());
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(PublicKey::parse(changed)) << i;  // the id covers name and key
    EXPECT_FALSE(PublicKey::parse(text.substr(0, i))) << i;
  }
}

// The key of the example in golang.org/x/mod/sumdb/note, whose format C2SP signed-note is.
TEST(AuditSigning, reads_keys_that_others_made) {
  const auto key =
      PublicKey::parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
  ASSERT_TRUE(key);
  EXPECT_EQ(key->name(), "PeterNeumann");
  EXPECT_EQ(key->id(), 0xc74f20a3U);
}

TEST(AuditSigning, keys_have_names_that_fit_into_a_line) {
  EXPECT_TRUE(is_key_name("meridian/uk-1"));
  for (const std::string& name :
       {std::string(), std::string("a b"), std::string("a+b"), std::string("a\nb"),
        std::string("\xe2\x80\x94"), std::string(kMaxKeyName + 1, 'x')}) {
    EXPECT_FALSE(is_key_name(name)) << name;
  }
}

}  // namespace
}  // namespace meridian::audit
