#pragma once

#include <cstdint>
#include <memory>

#include "base/bytes.hpp"
#include "srtp/gcm_types.hpp"

struct evp_cipher_ctx_st;

namespace meridian::srtp {

/// On OpenSSL's EVP interface. The context is made once; a packet only sets the nonce.
class EvpGcm : public Gcm {
 public:
  EvpGcm(Direction direction, Bytes key);
  void seal(const Nonce& nonce, Bytes data, MutableBytes text, std::uint8_t* tag);
  [[nodiscard]] bool open(const Nonce& nonce, Bytes data, MutableBytes text,
                          const std::uint8_t* tag);

 private:
  struct Free {
    void operator()(evp_cipher_ctx_st* context) const;
  };
  std::unique_ptr<evp_cipher_ctx_st, Free> context_;
};

}  // namespace meridian::srtp
