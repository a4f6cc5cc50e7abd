#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"

namespace meridian::rtp {

/// The VP8 payload descriptor (RFC 7741 section 4.2) and the one bit of the payload header behind
/// it that a forwarder needs. The descriptor is outside of end-to-end encryption.
struct Vp8Descriptor {
  static constexpr std::size_t kMaxSize = 6;

  bool is_non_reference = false;  // N: no other frame needs this one
  bool starts_partition = false;  // S
  std::uint8_t partition = 0;     // PID
  std::optional<std::uint16_t> picture_id;
  bool has_long_picture_id = false;  // 15 bits, else 7
  std::optional<std::uint8_t> tl0_picture_index;
  std::optional<std::uint8_t> temporal_layer;  // TID, 0 to 3
  bool is_layer_sync = false;                  // Y; only with temporal_layer
  std::optional<std::uint8_t> key_index;       // KEYIDX, 0 to 31

  /// P bit of the payload header is clear. Only ever true where starts_frame().
  bool is_keyframe = false;
  /// Bytes of the descriptor; the payload header or fragment follows.
  std::uint8_t size = 0;

  [[nodiscard]] bool starts_frame() const { return starts_partition && partition == 0; }
};

/// Nothing when the payload ends within the descriptor or right behind it.
[[nodiscard]] std::optional<Vp8Descriptor> parse_vp8(Bytes payload);

/// New values for fields that the descriptor already has; others are left as they are.
struct Vp8Rewrite {
  std::optional<std::uint16_t> picture_id;  // taken modulo 2^15, or 2^7 where the field is short
  std::optional<std::uint8_t> tl0_picture_index;
  std::optional<std::uint8_t> key_index;  // modulo 32
};

/// Rewrites in place; every width stays. `descriptor` is what parse_vp8() gave for this payload.
void rewrite_vp8(MutableBytes payload, const Vp8Descriptor& descriptor, const Vp8Rewrite& rewrite);

/// Writes a whole descriptor, e.g. to give a stream with short picture ids long ones: it goes to
/// PacketBody::prefix and the old one (descriptor.size bytes) is skipped. Returns its size; `out`
/// has room for kMaxSize bytes.
std::size_t write_vp8(const Vp8Descriptor& descriptor, MutableBytes out);

}  // namespace meridian::rtp
