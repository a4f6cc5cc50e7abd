#pragma once

#include <cstdint>

#include "base/bytes.hpp"

namespace meridian::transport {

enum class DatagramKind : std::uint8_t { kStun, kDtls, kRtp, kRtcp, kUnknown };

/// Protocol of a datagram by its first byte (RFC 7983), RTCP by payload type (RFC 5761 section 4).
[[nodiscard]] constexpr DatagramKind classify(Bytes datagram) {
  if (datagram.empty()) {
    return DatagramKind::kUnknown;
  }
  const std::uint8_t first = datagram[0];
  if (first <= 3) {
    return DatagramKind::kStun;
  }
  if (first >= 20 && first <= 63) {
    return DatagramKind::kDtls;
  }
  if (first >= 128 && first <= 191 && datagram.size() >= 2) {
    const bool is_rtcp = datagram[1] >= 192 && datagram[1] <= 223;
    return is_rtcp ? DatagramKind::kRtcp : DatagramKind::kRtp;
  }
  return DatagramKind::kUnknown;
}

}  // namespace meridian::transport
