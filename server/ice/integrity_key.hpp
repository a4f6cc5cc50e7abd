#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/bytes.hpp"

namespace meridian::ice {

/// HMAC-SHA1 under one password (RFC 8489 section 14.5, short-term credential). Allocates nothing,
/// so that forged messages are refused without allocation.
class IntegrityKey {
 public:
  static constexpr std::size_t kMacSize = 20;
  using Mac = std::array<std::uint8_t, kMacSize>;

  explicit IntegrityKey(std::string_view password);
  /// Over both parts, one after the other.
  [[nodiscard]] Mac sign(Bytes first, Bytes second) const;

 private:
  /// SHA-1 in the middle of a message: as large as OpenSSL's.
  using State = std::array<std::uint32_t, 24>;
  State inner_{};
  State outer_{};
};

}  // namespace meridian::ice
