#include "srtp/aead.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "support/hex.hpp"

namespace meridian::srtp {
namespace {

using test::from_hex;

// RFC 7714 section 16.
constexpr std::string_view kSalt = "517569642070726f2071756f";
constexpr std::string_view kNonce = "51753c6580c2726f20718414";

Gcm::Nonce nonce() {
  Gcm::Nonce result{};
  std::ranges::copy(from_hex(kNonce), result.begin());
  return result;
}

TEST(Aead, forms_the_nonce_of_rfc_7714) {
  AeadKeys keys(KeyMaterial{}, AeadKeys::Use::kRtp, Gcm::Direction::kEncrypt, fastest_gcm());
  std::ranges::copy(from_hex(kSalt), keys.salt.begin());
  EXPECT_EQ(keys.nonce(Ssrc(0x5501a0b2), 0xf17b), nonce());
}

TEST(Aead, the_nonce_differs_with_ssrc_rollover_and_sequence) {
  const AeadKeys keys(KeyMaterial{}, AeadKeys::Use::kRtp, Gcm::Direction::kEncrypt, fastest_gcm());
  const auto base = keys.nonce(Ssrc(1), 1);
  EXPECT_NE(base, keys.nonce(Ssrc(2), 1));
  EXPECT_NE(base, keys.nonce(Ssrc(1), 2));
  EXPECT_NE(base, keys.nonce(Ssrc(1), 0x10001));
  EXPECT_NE(base, keys.nonce(Ssrc(1), 0x100000001));
}

}  // namespace
}  // namespace meridian::srtp
