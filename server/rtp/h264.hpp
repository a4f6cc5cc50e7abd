#pragma once

#include <optional>

#include "base/bytes.hpp"

namespace meridian::rtp {

/// What RFC 6184 packets show of a frame. End-to-end encryption keeps NAL unit headers clear.
struct H264Info {
  /// Begins a coded picture, as far as one packet can show: a parameter set, delimiter or SEI, or
  /// the first slice (first_mb_in_slice = 0).
  bool starts_frame = false;
  /// Holds the start of an IDR slice, or an SPS, which browsers send only ahead of one.
  bool is_keyframe = false;
  /// Holds an SPS.
  bool has_parameters = false;
  /// nal_ref_idc is 0: no other frame needs this one.
  bool is_discardable = false;
};

/// Single NAL units, STAP-A and FU-A. Nothing for other packet types and wrong lengths.
[[nodiscard]] std::optional<H264Info> parse_h264(Bytes payload);

}  // namespace meridian::rtp
