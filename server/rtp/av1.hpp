#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"

namespace meridian::rtp {

/// The AV1 aggregation header (AV1 RTP specification section 4.4). Layers and frame boundaries come
/// from the dependency descriptor; this is what remains without it.
struct Av1AggregationHeader {
  bool continues_obu = false;    // Z
  bool is_continued = false;     // Y
  std::uint8_t obu_count = 0;    // W: 0 means that every element has a length
  bool starts_sequence = false;  // N: first packet of a coded video sequence, a key frame

  /// Type, temporal and spatial id of the first OBU; only when it begins in this packet and its
  /// header is plausible. Ids are 0 without OBU extension.
  struct FirstObu {
    std::uint8_t type = 0;
    std::uint8_t temporal_layer = 0;
    std::uint8_t spatial_layer = 0;
  };
  std::optional<FirstObu> first_obu;
};

/// Nothing when the payload is empty, holds no element, or sets N and Z together, which the
/// specification forbids.
[[nodiscard]] std::optional<Av1AggregationHeader> parse_av1(Bytes payload);

}  // namespace meridian::rtp
