#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace meridian::srtp {

/// Protection profiles by their IANA numbers (RFC 5764 section 4.1.2, RFC 7714 section 14.2).
enum class Profile : std::uint16_t {
  kAes128CmSha1_80 = 0x0001,
  kAeadAes128Gcm = 0x0007,
  kAeadAes256Gcm = 0x0008,
};

[[nodiscard]] constexpr std::optional<Profile> profile_from(std::uint16_t iana) {
  switch (iana) {
    case 0x0001:
    case 0x0007:
    case 0x0008:
      return static_cast<Profile>(iana);
    default:
      return std::nullopt;
  }
}
[[nodiscard]] constexpr bool is_aead(Profile profile) {
  return profile != Profile::kAes128CmSha1_80;
}
[[nodiscard]] constexpr std::size_t key_size(Profile profile) {
  return profile == Profile::kAeadAes256Gcm ? 32 : 16;
}
[[nodiscard]] constexpr std::size_t salt_size(Profile profile) {
  return is_aead(profile) ? 12 : 14;
}
[[nodiscard]] constexpr std::size_t tag_size(Profile profile) {
  return is_aead(profile) ? 16 : 10;
}

/// Master key and salt of one direction: key_size() and salt_size() bytes, the rest is zero.
struct KeyMaterial {
  Profile profile = Profile::kAeadAes128Gcm;
  std::array<std::uint8_t, 32> key{};
  std::array<std::uint8_t, 14> salt{};
};

enum class SrtpError : std::uint8_t {
  kMalformed,      // no room for header and tag, or the header runs past the end
  kNoRoom,         // the buffer cannot take tag and trailer
  kUnknownStream,  // sending under an SSRC that was not added
  kAuthFailed,
  kReplayed,      // seen before, or older than the window
  kNotEncrypted,  // SRTCP with the E bit clear
  kTooManyStreams,
  kIndexReused,   // sending: (key, SSRC, index) was encrypted before, or may have been
  kKeyExhausted,  // 2^48 RTP or 2^31 RTCP packets under one key
};

/// Room that protect needs behind a packet.
inline constexpr std::size_t kMaxRtpOverhead = 16;
inline constexpr std::size_t kMaxRtcpOverhead = 20;

}  // namespace meridian::srtp
