#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/rtp_types.hpp"
#include "srtp/replay_window.hpp"

/// What SRTP needs to know of a packet's outside, and nothing more.
namespace meridian::srtp {

inline constexpr std::size_t kRtpHeaderSize = 12;
inline constexpr std::size_t kRtcpHeaderSize = 8;
inline constexpr std::size_t kRtcpTrailerSize = 4;
inline constexpr std::uint32_t kEncryptedBit = 0x80000000U;
inline constexpr std::uint64_t kMaxRtcpIndex = 0x7fffffffU;

struct RtpOutside {
  Ssrc ssrc;
  SequenceNumber sequence;
  /// CSRCs and extension included: what is authenticated but not encrypted.
  std::size_t header_size = 0;
};

/// Nothing when it is not RTP version 2 or the header runs past the end.
inline std::optional<RtpOutside> read_rtp_outside(Bytes packet) {
  if (packet.size() < kRtpHeaderSize || packet[0] >> 6U != 2) {
    return std::nullopt;
  }
  std::size_t size = kRtpHeaderSize + std::size_t{4} * (packet[0] & 0x0fU);
  if ((packet[0] & 0x10U) != 0) {
    if (packet.size() < size + 4) {
      return std::nullopt;
    }
    size += 4 + std::size_t{4} * load_u16(packet.data() + size + 2);
  }
  if (size > packet.size()) {
    return std::nullopt;
  }
  return RtpOutside{Ssrc(load_u32(packet.data() + 8)), SequenceNumber(load_u16(packet.data() + 2)),
                    size};
}

/// The sender of an RTCP packet; nothing when it is not RTCP version 2.
inline std::optional<Ssrc> read_rtcp_sender(Bytes packet) {
  if (packet.size() < kRtcpHeaderSize || packet[0] >> 6U != 2) {
    return std::nullopt;
  }
  return Ssrc(load_u32(packet.data() + 4));
}

/// The packet index (rollover counter and sequence number, 48 bits) that is nearest to the highest
/// so far (RFC 3711 appendix A); nothing when that would lie before the stream's beginning.
template <std::size_t kSize>
std::optional<std::uint64_t> packet_index(SequenceNumber sequence,
                                          const ReplayWindow<kSize>& window) {
  if (window.is_empty()) {
    return sequence.value();
  }
  const SequenceNumber newest(static_cast<std::uint16_t>(window.highest()));
  const std::int64_t index =
      static_cast<std::int64_t>(window.highest()) + sequence.distance_from(newest);
  return index < 0 ? std::nullopt : std::optional(static_cast<std::uint64_t>(index));
}

}  // namespace meridian::srtp
