#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "rtp/media.hpp"
#include "rtp/packet.hpp"

namespace meridian::rtp {

/// What one packet tells about its frame without a dependency descriptor, for every codec. All of
/// it comes from bytes that end-to-end encryption leaves clear. Where a descriptor is present, it
/// is the better source (dependency_descriptor.hpp).
struct FrameInfo {
  /// False: the codec's descriptor is malformed or the codec has none that is known. Everything
  /// else then has its default, except ends_frame.
  bool is_readable = false;
  /// First packet of a frame, of one spatial layer where there are several. Exact for VP8 and VP9;
  /// what the packet alone can show for H264 and AV1.
  bool starts_frame = false;
  /// Last packet: the marker bit, for VP9 the end of the spatial layer's frame.
  bool ends_frame = false;
  /// Decoding can begin here. True only in the packet in which the key frame begins, for H264 also
  /// in further packets of it. Always true for audio.
  bool is_keyframe = false;
  /// Of H264: holds parameter sets, without which the key frame they come with can't be decoded.
  bool has_parameters = false;
  /// No other frame of the same or a lower layer needs this one.
  bool is_discardable = false;
  /// A receiver of a lower temporal layer can begin to take this one here.
  bool is_temporal_switch = false;
  std::uint8_t spatial = 0;
  std::uint8_t temporal = 0;
  std::optional<std::uint16_t> picture_id;
  std::optional<std::uint8_t> tl0_picture_index;
};

/// Total: any bytes give an answer. `payload` is without padding.
[[nodiscard]] FrameInfo inspect(Codec codec, Bytes payload, Marker marker);
[[nodiscard]] inline FrameInfo inspect(Codec codec, const PacketView& packet) {
  return inspect(codec, packet.payload(), packet.marker() ? Marker::kSet : Marker::kClear);
}

}  // namespace meridian::rtp
