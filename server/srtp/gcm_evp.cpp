#include "srtp/gcm_evp.hpp"

#include <algorithm>

#include <openssl/evp.h>

#include "base/check.hpp"

namespace meridian::srtp {
namespace {

/// Additional data or text: EVP tells them apart by a null output.
bool update(EVP_CIPHER_CTX* context, std::uint8_t* out, Bytes in) {
  int written = 0;
  return in.empty() ||
         EVP_CipherUpdate(context, out, &written, in.data(), static_cast<int>(in.size())) == 1;
}

}  // namespace

void EvpGcm::Free::operator()(evp_cipher_ctx_st* context) const {
  EVP_CIPHER_CTX_free(context);
}

EvpGcm::EvpGcm(Direction direction, Bytes key) : context_(EVP_CIPHER_CTX_new()) {
  const EVP_CIPHER* cipher = key.size() == 32 ? EVP_aes_256_gcm() : EVP_aes_128_gcm();
  MERIDIAN_CHECK(context_);
  MERIDIAN_CHECK(EVP_CipherInit_ex(context_.get(), cipher, nullptr, key.data(), nullptr,
                                   direction == Direction::kEncrypt ? 1 : 0) == 1);
}

void EvpGcm::seal(const Nonce& nonce, Bytes data, MutableBytes text, std::uint8_t* tag) {
  EVP_CIPHER_CTX* context = context_.get();
  int written = 0;
  MERIDIAN_CHECK(
      EVP_CipherInit_ex(context, nullptr, nullptr, nullptr, nonce.data(), -1) == 1 &&
      update(context, nullptr, data) && update(context, text.data(), text) &&
      EVP_CipherFinal_ex(context, nullptr, &written) == 1 &&
      EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, static_cast<int>(kTagSize), tag) == 1);
}

bool EvpGcm::open(const Nonce& nonce, Bytes data, MutableBytes text, const std::uint8_t* tag) {
  EVP_CIPHER_CTX* context = context_.get();
  // EVP takes the tag as a pointer to non-const, and only reads it.
  std::array<std::uint8_t, kTagSize> expected{};
  std::copy_n(tag, kTagSize, expected.begin());
  int written = 0;
  MERIDIAN_CHECK(EVP_CipherInit_ex(context, nullptr, nullptr, nullptr, nonce.data(), -1) == 1 &&
                 EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, static_cast<int>(kTagSize),
                                     expected.data()) == 1 &&
                 update(context, nullptr, data) && update(context, text.data(), text));
  return EVP_CipherFinal_ex(context, nullptr, &written) == 1;
}

}  // namespace meridian::srtp
