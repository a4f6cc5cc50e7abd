#pragma once

#include <cstdint>

#include "base/bytes.hpp"
#include "srtp/types.hpp"

namespace meridian::srtp {

/// Labels of RFC 3711 section 4.3.2.
enum class KeyLabel : std::uint8_t {
  kRtpEncryption = 0x00,
  kRtpAuthentication = 0x01,
  kRtpSalt = 0x02,
  kRtcpEncryption = 0x03,
  kRtcpAuthentication = 0x04,
  kRtcpSalt = 0x05,
};

/// Fills `out` with the session key of one label: AES in counter mode (RFC 3711 section 4.3.3, RFC
/// 6188 for 256 bits) with a key derivation rate of zero.
void derive_key(const KeyMaterial& material, KeyLabel label, MutableBytes out);

}  // namespace meridian::srtp
