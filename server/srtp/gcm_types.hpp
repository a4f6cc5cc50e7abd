#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace meridian::srtp {

/// What all implementations of AES-GCM have in common.
struct Gcm {
  static constexpr std::size_t kTagSize = 16;
  static constexpr std::size_t kNonceSize = 12;
  /// Longest additional data that comes in two parts.
  static constexpr std::size_t kMaxSplitData = 64;
  using Nonce = std::array<std::uint8_t, kNonceSize>;
  enum class Direction : std::uint8_t { kEncrypt, kDecrypt };
};

}  // namespace meridian::srtp
