#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace meridian {

/// An IPv4 or IPv6 address. IPv4-mapped IPv6 addresses are turned into IPv4 on construction, so
/// that one host has one value.
class IpAddress {
 public:
  constexpr IpAddress() = default;
  static IpAddress v4(std::array<std::uint8_t, 4> octets);
  static IpAddress v6(const std::array<std::uint8_t, 16>& octets);
  /// Dotted or colon text without brackets, zone or port; nothing when malformed.
  static std::optional<IpAddress> parse(std::string_view text);

  [[nodiscard]] bool is_v4() const { return is_v4_; }
  [[nodiscard]] bool is_unspecified() const;
  [[nodiscard]] bool is_loopback() const;
  /// 4 or 16 bytes, network order.
  [[nodiscard]] Bytes bytes() const { return Bytes(octets_).first(is_v4_ ? 4 : 16); }
  [[nodiscard]] std::string to_string() const;
  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  std::array<std::uint8_t, 16> octets_{};
  bool is_v4_ = true;
};

struct SocketAddress {
  IpAddress ip;
  std::uint16_t port = 0;

  /// `1.2.3.4:5` or `[::1]:5`.
  [[nodiscard]] std::string to_string() const;
  static std::optional<SocketAddress> parse(std::string_view text);
  friend auto operator<=>(const SocketAddress&, const SocketAddress&) = default;
};

}  // namespace meridian

template <>
struct std::hash<meridian::SocketAddress> {
  std::size_t operator()(const meridian::SocketAddress& address) const noexcept;
};
