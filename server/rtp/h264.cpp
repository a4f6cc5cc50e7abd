#include "rtp/h264.hpp"

#include <cstdint>

namespace meridian::rtp {
namespace {

enum NalType : std::uint8_t {
  kNonIdrSlice = 1,
  kPartitionA = 2,
  kIdrSlice = 5,
  kSei = 6,
  kSequenceParameterSet = 7,
  kPictureParameterSet = 8,
  kAccessUnitDelimiter = 9,
  kLastSingleNal = 23,
  kStapA = 24,
  kFuA = 28,
};

std::uint8_t nal_type(std::uint8_t header) {
  return header & 0x1fU;
}
bool is_reference(std::uint8_t header) {
  return (header & 0x60U) != 0;
}

/// Adds what a NAL unit of this type, with `body` behind its header, says to `info`.
void add_nal(std::uint8_t type, Bytes body, H264Info& info) {
  switch (type) {
    case kIdrSlice:
      info.is_keyframe = true;
      [[fallthrough]];
    case kNonIdrSlice:
    case kPartitionA:
      // first_mb_in_slice is ue(v): a set first bit means 0, the top left of the picture.
      info.starts_frame |= !body.empty() && (body[0] & 0x80U) != 0;
      break;
    case kSequenceParameterSet:
      info.is_keyframe = true;
      info.has_parameters = true;
      info.starts_frame = true;
      break;
    case kPictureParameterSet:
    case kSei:
    case kAccessUnitDelimiter:
      info.starts_frame = true;
      break;
    default:
      break;
  }
}

std::optional<H264Info> parse_stap_a(Bytes payload) {
  ByteReader reader(payload);
  reader.skip(1);
  H264Info info;
  bool has_reference = false;
  if (reader.remaining() == 0) {
    return std::nullopt;
  }
  // Bounded by the payload: each turn takes at least three bytes.
  while (reader.remaining() > 0) {
    const Bytes nal = reader.bytes(reader.u16());
    if (nal.empty()) {
      return std::nullopt;
    }
    has_reference |= is_reference(nal[0]);
    add_nal(nal_type(nal[0]), nal.subspan(1), info);
  }
  info.is_discardable = !has_reference;
  return info;
}

std::optional<H264Info> parse_fu_a(Bytes payload) {
  if (payload.size() < 3) {
    return std::nullopt;
  }
  constexpr std::uint8_t kFragmentStart = 0x80;
  H264Info info;
  info.is_discardable = !is_reference(payload[0]);
  if ((payload[1] & kFragmentStart) != 0) {
    add_nal(nal_type(payload[1]), payload.subspan(2), info);
  }
  return info;
}

}  // namespace

std::optional<H264Info> parse_h264(Bytes payload) {
  if (payload.empty()) {
    return std::nullopt;
  }
  const std::uint8_t type = nal_type(payload[0]);
  if (type == kStapA) {
    return parse_stap_a(payload);
  }
  if (type == kFuA) {
    return parse_fu_a(payload);
  }
  if (type == 0 || type > kLastSingleNal) {
    return std::nullopt;
  }
  H264Info info;
  info.is_discardable = !is_reference(payload[0]);
  add_nal(type, payload.subspan(1), info);
  return info;
}

}  // namespace meridian::rtp
