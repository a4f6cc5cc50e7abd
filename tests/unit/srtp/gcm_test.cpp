#include "srtp/gcm.hpp"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "srtp/gcm_evp.hpp"
#include "srtp/gcm_ipsec_mb.hpp"
#include "support/hex.hpp"

namespace meridian::srtp {
namespace {

using test::from_hex;
using Octets = std::vector<std::uint8_t>;

struct Vector {
  std::string_view key;
  std::string_view ciphertext_and_tag;
};

// RFC 7714 sections 16.1 and 16.2.
constexpr std::string_view kHeader = "8040f17b8041f8d35501a0b2";
constexpr std::string_view kPlain =
    "47616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573";
constexpr std::string_view kNonce = "51753c6580c2726f20718414";
constexpr std::array<Vector, 2> kVectors = {{
    {"000102030405060708090a0b0c0d0e0f",
     "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833899d7f27beb16a915"
     "2cf765ee4390cce"},
    {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
     "32b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b7aa3db36dfffd6b0f"
     "9bb7878d7a76c13"},
}};

Gcm::Nonce nonce() {
  Gcm::Nonce result{};
  std::ranges::copy(from_hex(kNonce), result.begin());
  return result;
}

/// What seal() makes of a text: the encrypted text and its tag.
Octets sealed(GcmLibrary library, Bytes key, Bytes header, Bytes more, Bytes text) {
  Octets out(text.begin(), text.end());
  out.resize(text.size() + Gcm::kTagSize);
  GcmCipher cipher(Gcm::Direction::kEncrypt, key, library);
  cipher.seal(nonce(), header, more, MutableBytes(out).first(text.size()),
              out.data() + text.size());
  return out;
}

class GcmTest : public testing::TestWithParam<GcmLibrary> {
 protected:
  void SetUp() override {
    if (!is_available(GetParam())) {
      GTEST_SKIP() << "this processor has no use for " << to_string(GetParam());
    }
  }
};

TEST_P(GcmTest, seals_and_opens_the_packets_of_rfc_7714) {
  const auto header = from_hex(kHeader);
  for (const Vector& vector : kVectors) {
    Octets text = sealed(GetParam(), from_hex(vector.key), header, {}, from_hex(kPlain));
    EXPECT_EQ(text, from_hex(vector.ciphertext_and_tag));

    const std::size_t length = text.size() - Gcm::kTagSize;
    GcmCipher open(Gcm::Direction::kDecrypt, from_hex(vector.key), GetParam());
    EXPECT_TRUE(
        open.open(nonce(), header, {}, MutableBytes(text).first(length), text.data() + length));
    text.resize(length);
    EXPECT_EQ(text, from_hex(kPlain));
  }
}

TEST_P(GcmTest, authenticates_header_text_and_tag) {
  GcmCipher open(Gcm::Direction::kDecrypt, from_hex(kVectors[0].key), GetParam());
  auto packet = from_hex(kHeader);
  const auto ciphertext = from_hex(kVectors[0].ciphertext_and_tag);
  packet.insert(packet.end(), ciphertext.begin(), ciphertext.end());
  for (std::size_t i = 0; i < packet.size(); ++i) {
    auto forged = packet;
    forged[i] ^= 1U;
    const MutableBytes bytes(forged);
    EXPECT_FALSE(open.open(nonce(), bytes.first(12), {},
                           bytes.subspan(12, bytes.size() - 12 - Gcm::kTagSize),
                           forged.data() + forged.size() - Gcm::kTagSize));
  }
}

TEST_P(GcmTest, additional_data_in_two_parts_is_the_same_as_in_one) {
  const auto header = from_hex(kHeader);
  const Bytes whole(header);
  for (const Vector& vector : kVectors) {
    EXPECT_EQ(sealed(GetParam(), from_hex(vector.key), whole.first(8), whole.subspan(8),
                     from_hex(kPlain)),
              from_hex(vector.ciphertext_and_tag));
  }
}

TEST_P(GcmTest, agrees_with_openssl_at_every_length) {
  Rng rng(5);
  for (const std::size_t key_size : {16U, 32U}) {
    Octets key(key_size);
    std::ranges::generate(key, [&] { return static_cast<std::uint8_t>(rng.next()); });
    for (std::size_t size = 0; size <= 1500; ++size) {
      Octets text(size);
      std::ranges::generate(text, [&] { return static_cast<std::uint8_t>(rng.next()); });
      const Octets header(12 + 4 * rng.below(8), static_cast<std::uint8_t>(size));
      ASSERT_EQ(sealed(GetParam(), key, header, {}, text),
                sealed(GcmLibrary::kOpenSsl, key, header, {}, text))
          << size;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Libraries, GcmTest,
                         testing::Values(GcmLibrary::kOpenSsl, GcmLibrary::kIpsecMb));

TEST(Gcm, libipsec_mb_is_used_where_it_runs) {
  EXPECT_EQ(is_available(GcmLibrary::kIpsecMb), IpsecMbGcm::is_available());
  EXPECT_EQ(fastest_gcm() == GcmLibrary::kIpsecMb, IpsecMbGcm::is_available());
}

TEST(Gcm, the_fastest_library_is_one_that_is_available) {
  EXPECT_TRUE(is_available(fastest_gcm()));
  EXPECT_TRUE(is_available(GcmLibrary::kOpenSsl));
}

}  // namespace
}  // namespace meridian::srtp
