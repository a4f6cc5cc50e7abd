#include "srtp/gcm_ipsec_mb.hpp"

#include <openssl/crypto.h>

#include "base/check.hpp"
#include "base/prefetch.hpp"

#ifdef MERIDIAN_IPSEC_MB
#include <intel-ipsec-mb.h>
#endif

namespace meridian::srtp {

#ifdef MERIDIAN_IPSEC_MB

namespace {

struct FreeManager {
  void operator()(IMB_MGR* manager) const { free_mb_mgr(manager); }
};

/// The library's table of functions for this processor, made once and only read afterwards; null
/// where it would be no faster than OpenSSL. The direct calls keep nothing in it.
const IMB_MGR* manager() {
  static const std::unique_ptr<IMB_MGR, FreeManager> kManager = [] {
    std::unique_ptr<IMB_MGR, FreeManager> made(alloc_mb_mgr(0));
    if (made) {
      IMB_ARCH arch = IMB_ARCH_NONE;
      init_mb_mgr_auto(made.get(), &arch);
      constexpr std::uint64_t kNeeded =
          IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ | IMB_FEATURE_SELF_TEST_PASS;
      const bool is_fit = imb_get_errno(made.get()) == 0 && arch >= IMB_ARCH_AVX2 &&
                          (made->features & kNeeded) == kNeeded &&
                          (made->features & IMB_FEATURE_AESNI_EMU) == 0;
      if (!is_fit) {
        made.reset();
      }
    }
    return made;
  }();
  return kManager.get();
}

}  // namespace

bool IpsecMbGcm::is_available() {
  return manager() != nullptr;
}

void IpsecMbGcm::Free::operator()(gcm_key_data* key) const {
  OPENSSL_cleanse(key, sizeof *key);
  delete key;
}

IpsecMbGcm::IpsecMbGcm(Bytes key) : key_(new gcm_key_data) {
  const IMB_MGR* library = manager();
  MERIDIAN_CHECK(library != nullptr);
  const bool is_256 = key.size() == 32;
  (is_256 ? library->gcm256_pre : library->gcm128_pre)(key.data(), key_.get());
  encrypt_ = is_256 ? library->gcm256_enc : library->gcm128_enc;
  decrypt_ = is_256 ? library->gcm256_dec : library->gcm128_dec;
}

void IpsecMbGcm::seal(const Nonce& nonce, Bytes data, MutableBytes text, std::uint8_t* tag) {
  gcm_context_data context;
  encrypt_(key_.get(), &context, text.data(), text.data(), text.size(), nonce.data(), data.data(),
           data.size(), tag, kTagSize);
}

bool IpsecMbGcm::open(const Nonce& nonce, Bytes data, MutableBytes text, const std::uint8_t* tag) {
  gcm_context_data context;
  std::array<std::uint8_t, kTagSize> computed;
  decrypt_(key_.get(), &context, text.data(), text.data(), text.size(), nonce.data(), data.data(),
           data.size(), computed.data(), kTagSize);
  return CRYPTO_memcmp(computed.data(), tag, kTagSize) == 0;
}

void IpsecMbGcm::prefetch() const {
  constexpr std::size_t kRoundKeys = 256;  // the powers that follow are for many blocks
  base::prefetch(key_.get(), kRoundKeys);
}

#else

void IpsecMbGcm::prefetch() const {}

bool IpsecMbGcm::is_available() {
  return false;
}

void IpsecMbGcm::Free::operator()(gcm_key_data*) const {}

IpsecMbGcm::IpsecMbGcm(Bytes) {
  MERIDIAN_CHECK(is_available());
}

void IpsecMbGcm::seal(const Nonce&, Bytes, MutableBytes, std::uint8_t*) {}

bool IpsecMbGcm::open(const Nonce&, Bytes, MutableBytes, const std::uint8_t*) {
  return false;
}

#endif

}  // namespace meridian::srtp
