#pragma once

#include <cstdint>
#include <string_view>
#include <variant>

#include "base/bytes.hpp"
#include "srtp/gcm_evp.hpp"
#include "srtp/gcm_ipsec_mb.hpp"
#include "srtp/gcm_types.hpp"

/// AES-GCM by the fastest library that this processor allows.
namespace meridian::srtp {

enum class GcmLibrary : std::uint8_t {
  kOpenSsl,  // everywhere
  kIpsecMb,  // x86-64 with AVX2; four times as fast with VAES
};
[[nodiscard]] std::string_view to_string(GcmLibrary library);
/// Whether this build has the library and this processor what it needs.
[[nodiscard]] bool is_available(GcmLibrary library);
/// What sessions use unless they are told otherwise.
[[nodiscard]] GcmLibrary fastest_gcm();

/// AES-GCM under one key for one direction. Allocates only when it is made.
class GcmCipher : public Gcm {
 public:
  /// `key` has 16 or 32 bytes; `library` is available.
  GcmCipher(Direction direction, Bytes key, GcmLibrary library = fastest_gcm());

  /// Encrypts `text` in place and writes the tag. `more` is authenticated after `header`; when it
  /// isn't empty, both together have at most kMaxSplitData bytes.
  void seal(const Nonce& nonce, Bytes header, Bytes more, MutableBytes text, std::uint8_t* tag);
  /// With nothing more, which is a matter of nanoseconds for each packet that leaves.
  void seal(const Nonce& nonce, Bytes header, MutableBytes text, std::uint8_t* tag);
  /// Decrypts `text` in place; false when the tag is wrong, and `text` is then garbage.
  [[nodiscard]] bool open(const Nonce& nonce, Bytes header, Bytes more, MutableBytes text,
                          const std::uint8_t* tag);

  /// Into the cache: what a short packet needs.
  void prefetch() const {
    if (const auto* direct = std::get_if<IpsecMbGcm>(&cipher_)) {
      direct->prefetch();
    }
  }

 private:
  std::variant<EvpGcm, IpsecMbGcm> cipher_;
};

}  // namespace meridian::srtp
