#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace meridian::audit {

/// A SHA-256 value. All zeros stands for "nothing before this": the start of a chain.
struct Digest {
  std::array<std::uint8_t, 32> bytes{};

  /// 64 lower-case hexadecimal digits.
  [[nodiscard]] std::string hex() const;
  /// Exactly what hex() gives; nothing for anything else, upper case included.
  static std::optional<Digest> from_hex(std::string_view text);
  friend auto operator<=>(const Digest&, const Digest&) = default;
};

/// SHA-256 of the parts, one after the other.
[[nodiscard]] Digest sha256(std::initializer_list<Bytes> parts);

}  // namespace meridian::audit
