#include "srtp/key_derivation.hpp"

#include <algorithm>
#include <memory>

#include <openssl/evp.h>

#include "base/check.hpp"

namespace meridian::srtp {

void derive_key(const KeyMaterial& material, KeyLabel label, MutableBytes out) {
  constexpr std::size_t kLabelOffset = 7;
  // Salt of 112 bits (a shorter one ends in zeros, RFC 7714 section 11), then a block counter.
  std::array<std::uint8_t, 16> iv{};
  std::ranges::copy(material.salt, iv.begin());
  iv[kLabelOffset] ^= static_cast<std::uint8_t>(label);

  const EVP_CIPHER* cipher =
      key_size(material.profile) == 32 ? EVP_aes_256_ctr() : EVP_aes_128_ctr();
  const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context(
      EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  std::ranges::fill(out, std::uint8_t{0});
  int written = 0;
  MERIDIAN_CHECK(
      context &&
      EVP_EncryptInit_ex(context.get(), cipher, nullptr, material.key.data(), iv.data()) == 1 &&
      EVP_EncryptUpdate(context.get(), out.data(), &written, out.data(),
                        static_cast<int>(out.size())) == 1);
}

}  // namespace meridian::srtp
