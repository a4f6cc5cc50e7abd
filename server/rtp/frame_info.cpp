#include "rtp/frame_info.hpp"

#include "rtp/av1.hpp"
#include "rtp/h264.hpp"
#include "rtp/vp8.hpp"
#include "rtp/vp9.hpp"

namespace meridian::rtp {
namespace {

void inspect_vp8(Bytes payload, FrameInfo& info) {
  const auto descriptor = parse_vp8(payload);
  if (!descriptor) {
    return;
  }
  info.is_readable = true;
  info.starts_frame = descriptor->starts_frame();
  info.is_keyframe = descriptor->is_keyframe;
  info.is_discardable = descriptor->is_non_reference;
  info.is_temporal_switch = descriptor->is_layer_sync;
  info.temporal = descriptor->temporal_layer.value_or(0);
  info.picture_id = descriptor->picture_id;
  info.tl0_picture_index = descriptor->tl0_picture_index;
}

void inspect_vp9(Bytes payload, FrameInfo& info) {
  const auto descriptor = parse_vp9(payload);
  if (!descriptor) {
    return;
  }
  info.is_readable = true;
  info.starts_frame = descriptor->starts_frame;
  info.ends_frame = descriptor->ends_frame || info.ends_frame;
  info.is_keyframe = descriptor->is_keyframe();
  info.is_temporal_switch = descriptor->is_switching_up_point;
  info.spatial = descriptor->spatial_layer;
  info.temporal = descriptor->temporal_layer;
  info.picture_id = descriptor->picture_id;
  info.tl0_picture_index = descriptor->tl0_picture_index;
}

void inspect_h264(Bytes payload, FrameInfo& info) {
  const auto parsed = parse_h264(payload);
  if (!parsed) {
    return;
  }
  info.is_readable = true;
  info.starts_frame = parsed->starts_frame;
  info.is_keyframe = parsed->is_keyframe;
  info.has_parameters = parsed->has_parameters;
  info.is_discardable = parsed->is_discardable;
}

void inspect_av1(Bytes payload, FrameInfo& info) {
  constexpr std::uint8_t kSequenceHeader = 1;
  constexpr std::uint8_t kFrameHeader = 3;
  constexpr std::uint8_t kFrame = 6;
  const auto header = parse_av1(payload);
  if (!header) {
    return;
  }
  info.is_readable = true;
  info.is_keyframe = header->starts_sequence;
  info.starts_frame = header->starts_sequence;
  if (header->first_obu) {
    const auto& obu = *header->first_obu;
    info.starts_frame |=
        obu.type == kSequenceHeader || obu.type == kFrameHeader || obu.type == kFrame;
    info.spatial = obu.spatial_layer;
    info.temporal = obu.temporal_layer;
  }
}

}  // namespace

FrameInfo inspect(Codec codec, Bytes payload, Marker marker) {
  FrameInfo info;
  info.ends_frame = marker == Marker::kSet;
  switch (codec) {
    case Codec::kVp8:
      inspect_vp8(payload, info);
      break;
    case Codec::kVp9:
      inspect_vp9(payload, info);
      break;
    case Codec::kH264:
      inspect_h264(payload, info);
      break;
    case Codec::kAv1:
      inspect_av1(payload, info);
      break;
    case Codec::kOpus:
    case Codec::kRed:
    case Codec::kPcmu:
    case Codec::kPcma:
      info.is_readable = true;
      info.starts_frame = true;
      info.ends_frame = true;
      info.is_keyframe = true;
      break;
    case Codec::kUnknown:
      break;
  }
  return info;
}

}  // namespace meridian::rtp
