#pragma once

#include <cstdint>
#include <memory>

#include "base/bytes.hpp"
#include "srtp/gcm_types.hpp"

struct gcm_key_data;
struct gcm_context_data;

namespace meridian::srtp {

/// On libipsec-mb's direct interface: one call a packet, nothing but the expanded key (1 KB) in
/// between. Only where is_available() says so.
class IpsecMbGcm : public Gcm {
 public:
  explicit IpsecMbGcm(Bytes key);
  void seal(const Nonce& nonce, Bytes data, MutableBytes text, std::uint8_t* tag);
  [[nodiscard]] bool open(const Nonce& nonce, Bytes data, MutableBytes text,
                          const std::uint8_t* tag);

  void prefetch() const;

  [[nodiscard]] static bool is_available();

 private:
  /// Wipes the key.
  struct Free {
    void operator()(gcm_key_data* key) const;
  };
  using Call = void (*)(const gcm_key_data*, gcm_context_data*, std::uint8_t*, const std::uint8_t*,
                        std::uint64_t, const std::uint8_t*, const std::uint8_t*, std::uint64_t,
                        std::uint8_t*, std::uint64_t);
  std::unique_ptr<gcm_key_data, Free> key_;
  Call encrypt_ = nullptr;
  Call decrypt_ = nullptr;
};

}  // namespace meridian::srtp
