#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/rtp_types.hpp"
#include "base/time.hpp"
#include "rtp/media.hpp"

namespace meridian::forward {

/// Simulcast layers of one publication; LiveKit clients send at most 3.
inline constexpr std::size_t kMaxLayers = 4;

/// Fields of the VP8 or VP9 payload descriptor that must go on without a jump when a subscriber is
/// switched from one stream to another.
struct PictureNumbers {
  std::optional<std::uint16_t> picture_id;
  /// Width of the picture id in bits: 7 or 15.
  std::uint8_t picture_id_bits = 15;
  std::optional<std::uint8_t> tl0_picture_index;
  std::optional<std::uint8_t> key_index;  // VP8 only
};

/// Values of header extensions that travel with the packet, as received.
struct CarriedExtensions {
  std::optional<std::uint8_t> audio_level;
  std::optional<std::uint8_t> video_orientation;
  std::array<std::uint8_t, 16> capture_time{};
  std::uint8_t capture_time_size = 0;
};

/// Which targets a frame is no part of: one bit for each pair of highest spatial and temporal layer
/// that somebody may get. Where each spatial layer goes on from itself (K-SVC), what is below is
/// only needed in key frames.
class Unneeded {
 public:
  static constexpr std::size_t kSpatial = 4;
  static constexpr std::size_t kTemporal = 4;

  void set(std::size_t spatial, std::size_t temporal) {
    bits_ = static_cast<std::uint16_t>(bits_ | 1U << place(spatial, temporal));
  }
  /// Layers above the highest that there are count as the highest.
  [[nodiscard]] bool test(std::size_t spatial, std::size_t temporal) const {
    return ((bits_ >> place(spatial, temporal)) & 1U) != 0;
  }
  friend bool operator==(Unneeded, Unneeded) = default;

 private:
  static std::size_t place(std::size_t spatial, std::size_t temporal) {
    return std::min(spatial, kSpatial - 1) * kTemporal + std::min(temporal, kTemporal - 1);
  }
  std::uint16_t bits_ = 0;
};

/// One packet of a layer, read once and described for all subscribers. The views point into the
/// buffer it came in, or into the history that holds it.
struct MediaPacket {
  ExtendedSequence sequence;
  RtpTimestamp timestamp;
  /// Counts restarts of the layer's stream (another SSRC, or a jump): sequence numbers and
  /// timestamps of two generations have nothing to do with each other.
  std::uint32_t generation = 0;
  /// When the first node's kernel received it.
  Instant arrival;
  rtp::Codec codec = rtp::Codec::kUnknown;
  bool marker = false;
  bool starts_key_frame = false;
  bool starts_frame = false;
  bool ends_frame = false;  // of its spatial layer
  bool is_temporal_switch = false;
  std::uint8_t spatial = 0;
  std::uint8_t temporal = 0;
  Unneeded unneeded;
  PictureNumbers picture;
  CarriedExtensions extensions;
  /// How loud it probably is, in dB below full scale, of sound that came as redundancy of another.
  std::optional<std::uint8_t> likely_level;
  /// Value of the dependency descriptor; empty without.
  Bytes descriptor;
  /// Without padding.
  Bytes payload;
};

}  // namespace meridian::forward
