// Covers: server/rtp/frame_info.cpp server/rtp/vp8.cpp server/rtp/vp9.cpp server/rtp/h264.cpp
// Covers: server/rtp/av1.cpp server/rtp/red.cpp
// The first byte picks the codec, the second the values to rewrite; the rest is the payload.
#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "base/check.hpp"
#include "rtp/frame_info.hpp"
#include "rtp/red.hpp"
#include "rtp/vp8.hpp"
#include "rtp/vp9.hpp"

using namespace meridian;

namespace {

/// Everything behind the descriptor must come out of a rewrite as it went in.
void check_same_rest(const std::vector<std::uint8_t>& now, Bytes before, std::size_t size) {
  MERIDIAN_CHECK(now.size() == before.size());
  MERIDIAN_CHECK(std::memcmp(now.data() + size, before.data() + size, now.size() - size) == 0);
}

void rewrite_vp8(Bytes payload, std::uint8_t value) {
  const auto descriptor = rtp::parse_vp8(payload);
  if (!descriptor) {
    return;
  }
  std::vector<std::uint8_t> copy(payload.begin(), payload.end());
  rtp::rewrite_vp8(copy, *descriptor,
                   {.picture_id = static_cast<std::uint16_t>(value * 257U),
                    .tl0_picture_index = value,
                    .key_index = value});
  check_same_rest(copy, payload, descriptor->size);
  const auto again = rtp::parse_vp8(copy);
  MERIDIAN_CHECK(again && again->size == descriptor->size);
  MERIDIAN_CHECK(again->temporal_layer == descriptor->temporal_layer);
  MERIDIAN_CHECK(again->is_keyframe == descriptor->is_keyframe);
  MERIDIAN_CHECK(again->tl0_picture_index.value_or(value) == value);
  std::array<std::uint8_t, rtp::Vp8Descriptor::kMaxSize> out{};
  MERIDIAN_CHECK(rtp::write_vp8(*again, out) <= out.size());
}

void rewrite_vp9(Bytes payload, std::uint8_t value) {
  const auto descriptor = rtp::parse_vp9(payload);
  if (!descriptor) {
    return;
  }
  MERIDIAN_CHECK(descriptor->spatial_layer_count <= rtp::Vp9Descriptor::kMaxSpatialLayers);
  std::vector<std::uint8_t> copy(payload.begin(), payload.end());
  rtp::rewrite_vp9(
      copy, *descriptor,
      {.picture_id = static_cast<std::uint16_t>(value * 257U), .tl0_picture_index = value});
  check_same_rest(copy, payload, descriptor->size);
  const auto again = rtp::parse_vp9(copy);
  MERIDIAN_CHECK(again && again->size == descriptor->size);
  MERIDIAN_CHECK(again->is_keyframe() == descriptor->is_keyframe());
  MERIDIAN_CHECK(again->tl0_picture_index.value_or(value) == value);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) {
    return 0;
  }
  const auto codec = static_cast<rtp::Codec>(data[0] % 9);
  const Bytes payload(data + 2, size - 2);
  const rtp::FrameInfo info = rtp::inspect(codec, payload, rtp::Marker::kClear);
  MERIDIAN_CHECK(info.spatial < 8 && info.temporal < 8);
  MERIDIAN_CHECK(info.is_readable || (!info.is_keyframe && !info.starts_frame));
  if (codec == rtp::Codec::kVp8) {
    rewrite_vp8(payload, data[1]);
  }
  if (codec == rtp::Codec::kVp9) {
    rewrite_vp9(payload, data[1]);
  }
  if (codec == rtp::Codec::kRed) {
    if (const auto red = rtp::parse_red(payload)) {
      MERIDIAN_CHECK(!red->blocks().empty() && red->primary().timestamp_offset == 0);
    }
  }
  return 0;
}
