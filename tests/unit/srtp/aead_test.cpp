#include "srtp/aead.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "support/hex.hpp"

namespace meridian::srtp {
namespace {

using test::from_hex;

struct Vector {
  std::string_view key;
  std::string_view ciphertext_and_tag;
};

// RFC 7714 sections 16.1 and 16.2.
constexpr std::string_view kHeader = "8040f17b8041f8d35501a0b2";
constexpr std::string_view kPlain =
    "47616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573";
constexpr std::string_view kSalt = "517569642070726f2071756f";
constexpr std::string_view kNonce = "51753c6580c2726f20718414";
constexpr std::array<Vector, 2> kVectors = {{
    {"000102030405060708090a0b0c0d0e0f",
     "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833899d7f27beb16a915"
     "2cf765ee4390cce"},
    {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
     "32b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b7aa3db36dfffd6b0f"
     "9bb7878d7a76c13"},
}};

GcmCipher::Nonce nonce() {
  GcmCipher::Nonce result{};
  std::ranges::copy(from_hex(kNonce), result.begin());
  return result;
}

TEST(Aead, seals_and_opens_the_packets_of_rfc_7714) {
  const auto header = from_hex(kHeader);
  for (const Vector& vector : kVectors) {
    auto text = from_hex(kPlain);
    const std::size_t length = text.size();
    text.resize(length + GcmCipher::kTagSize);
    GcmCipher seal(GcmCipher::Direction::kEncrypt, from_hex(vector.key));
    seal.seal(nonce(), header, {}, MutableBytes(text).first(length), text.data() + length);
    EXPECT_EQ(text, from_hex(vector.ciphertext_and_tag));

    GcmCipher open(GcmCipher::Direction::kDecrypt, from_hex(vector.key));
    EXPECT_TRUE(
        open.open(nonce(), header, {}, MutableBytes(text).first(length), text.data() + length));
    text.resize(length);
    EXPECT_EQ(text, from_hex(kPlain));
  }
}

TEST(Aead, authenticates_header_text_and_tag) {
  GcmCipher open(GcmCipher::Direction::kDecrypt, from_hex(kVectors[0].key));
  auto packet = from_hex(kHeader);
  const auto sealed = from_hex(kVectors[0].ciphertext_and_tag);
  packet.insert(packet.end(), sealed.begin(), sealed.end());
  for (std::size_t i = 0; i < packet.size(); ++i) {
    auto forged = packet;
    forged[i] ^= 1U;
    const MutableBytes bytes(forged);
    EXPECT_FALSE(open.open(nonce(), bytes.first(12), {},
                           bytes.subspan(12, bytes.size() - 12 - GcmCipher::kTagSize),
                           forged.data() + forged.size() - GcmCipher::kTagSize));
  }
}

TEST(Aead, forms_the_nonce_of_rfc_7714) {
  AeadKeys keys(KeyMaterial{}, AeadKeys::Use::kRtp, GcmCipher::Direction::kEncrypt);
  std::ranges::copy(from_hex(kSalt), keys.salt.begin());
  EXPECT_EQ(keys.nonce(Ssrc(0x5501a0b2), 0xf17b), nonce());
}

TEST(Aead, the_nonce_differs_with_ssrc_rollover_and_sequence) {
  const AeadKeys keys(KeyMaterial{}, AeadKeys::Use::kRtp, GcmCipher::Direction::kEncrypt);
  const auto base = keys.nonce(Ssrc(1), 1);
  EXPECT_NE(base, keys.nonce(Ssrc(2), 1));
  EXPECT_NE(base, keys.nonce(Ssrc(1), 2));
  EXPECT_NE(base, keys.nonce(Ssrc(1), 0x10001));
  EXPECT_NE(base, keys.nonce(Ssrc(1), 0x100000001));
}

}  // namespace
}  // namespace meridian::srtp
