#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace meridian::dtls {

/// SHA-256 digest of a certificate (RFC 8122). Other digests are not accepted.
struct Fingerprint {
  std::array<std::uint8_t, 32> sha256{};

  /// Value of `a=fingerprint`, e.g. `sha-256 AB:CD:…`; nothing for other hashes or malformed text.
  static std::optional<Fingerprint> parse(std::string_view attribute);
  /// `sha-256 AB:CD:…`
  [[nodiscard]] std::string to_string() const;
  friend bool operator==(const Fingerprint&, const Fingerprint&) = default;
};

}  // namespace meridian::dtls
