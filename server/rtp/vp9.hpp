#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"

namespace meridian::rtp {

/// The VP9 payload descriptor (RFC 9628 section 4.2). Nothing behind it is read, since end-to-end
/// encryption leaves nothing of the frame clear.
struct Vp9Descriptor {
  static constexpr std::size_t kMaxSpatialLayers = 8;
  struct Resolution {
    std::uint16_t width = 0;
    std::uint16_t height = 0;
  };

  std::optional<std::uint16_t> picture_id;  // I
  bool has_long_picture_id = false;         // 15 bits, else 7
  bool is_inter_picture_predicted = false;  // P
  bool is_flexible = false;                 // F
  bool starts_frame = false;                // B: of one spatial layer
  bool ends_frame = false;                  // E: of one spatial layer
  bool has_scalability_structure = false;   // V
  bool is_not_reference_for_upper = false;  // Z: upper spatial layers do not need it

  bool has_layers = false;  // L; the next four are 0 without
  std::uint8_t temporal_layer = 0;
  std::uint8_t spatial_layer = 0;
  bool is_switching_up_point = false;             // U
  bool is_inter_layer_predicted = false;          // D
  std::optional<std::uint8_t> tl0_picture_index;  // not in flexible mode

  /// From the scalability structure; 0 without one.
  std::uint8_t spatial_layer_count = 0;
  bool has_resolutions = false;
  std::array<Resolution, kMaxSpatialLayers> resolutions{};

  /// Bytes of the descriptor; over 255 where a picture group is long.
  std::uint16_t size = 0;
  /// Where TL0PICIDX stands in the payload; only with tl0_picture_index.
  std::uint8_t tl0_offset = 0;

  /// First packet of a key picture: lowest spatial layer, not predicted from another picture.
  [[nodiscard]] bool is_keyframe() const {
    return starts_frame && !is_inter_picture_predicted && spatial_layer == 0 &&
           !is_inter_layer_predicted;
  }
};

/// Nothing when the payload ends within the descriptor or right behind it, or claims more than the
/// three references that RFC 9628 allows.
[[nodiscard]] std::optional<Vp9Descriptor> parse_vp9(Bytes payload);

/// New values for fields that the descriptor already has; others are left as they are.
struct Vp9Rewrite {
  std::optional<std::uint16_t> picture_id;  // taken modulo 2^15, or 2^7 where the field is short
  std::optional<std::uint8_t> tl0_picture_index;
};

/// Rewrites in place; every width stays. `descriptor` is what parse_vp9() gave for this payload.
void rewrite_vp9(MutableBytes payload, const Vp9Descriptor& descriptor, const Vp9Rewrite& rewrite);

}  // namespace meridian::rtp
