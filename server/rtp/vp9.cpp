#include "rtp/vp9.hpp"

#include "base/check.hpp"

namespace meridian::rtp {
namespace {

// First byte: |I|P|L|F|B|E|V|Z|
constexpr std::uint8_t kHasPictureId = 0x80;
constexpr std::uint8_t kInterPicture = 0x40;
constexpr std::uint8_t kHasLayers = 0x20;
constexpr std::uint8_t kFlexible = 0x10;
constexpr std::uint8_t kStart = 0x08;
constexpr std::uint8_t kEnd = 0x04;
constexpr std::uint8_t kHasStructure = 0x02;
constexpr std::uint8_t kNotReferenceForUpper = 0x01;

constexpr std::uint8_t kLongPictureId = 0x80;
constexpr int kMaxReferences = 3;  // RFC 9628 section 4.2: P_DIFF at most three times

void read_picture_id(ByteReader& reader, Vp9Descriptor& descriptor) {
  std::uint16_t picture_id = reader.u8();
  descriptor.has_long_picture_id = (picture_id & kLongPictureId) != 0;
  if (descriptor.has_long_picture_id) {
    picture_id = static_cast<std::uint16_t>(((picture_id & 0x7fU) << 8U) | reader.u8());
  }
  descriptor.picture_id = picture_id;
}

/// |TID|U|SID|D|, in non-flexible mode with TL0PICIDX.
void read_vp9_layers(ByteReader& reader, Vp9Descriptor& descriptor) {
  const std::uint8_t layers = reader.u8();
  descriptor.has_layers = true;
  descriptor.temporal_layer = static_cast<std::uint8_t>(layers >> 5U);
  descriptor.is_switching_up_point = (layers & 0x10U) != 0;
  descriptor.spatial_layer = static_cast<std::uint8_t>((layers >> 1U) & 0x07U);
  descriptor.is_inter_layer_predicted = (layers & 0x01U) != 0;
  if (!descriptor.is_flexible) {
    descriptor.tl0_offset = static_cast<std::uint8_t>(reader.offset());
    descriptor.tl0_picture_index = reader.u8();
  }
}

/// P_DIFF bytes; the lowest bit says that another follows. False when there are too many.
bool skip_references(ByteReader& reader) {
  for (int i = 0; i < kMaxReferences; ++i) {
    if ((reader.u8() & 1U) == 0) {
      return true;
    }
  }
  return false;
}

/// |N_S|Y|G|-|, resolutions, and the picture group, of which only the length matters here.
void read_scalability_structure(ByteReader& reader, Vp9Descriptor& descriptor) {
  const std::uint8_t head = reader.u8();
  descriptor.spatial_layer_count = static_cast<std::uint8_t>((head >> 5U) + 1U);
  descriptor.has_resolutions = (head & 0x10U) != 0;
  if (descriptor.has_resolutions) {
    for (std::size_t i = 0; i < descriptor.spatial_layer_count; ++i) {
      descriptor.resolutions[i].width = reader.u16();
      descriptor.resolutions[i].height = reader.u16();
    }
  }
  const bool has_picture_group = (head & 0x08U) != 0;
  const std::uint8_t pictures = has_picture_group ? reader.u8() : std::uint8_t{0};
  for (int i = 0; i < pictures && !reader.failed(); ++i) {
    reader.skip((reader.u8() >> 2U) & 3U);
  }
}

}  // namespace

std::optional<Vp9Descriptor> parse_vp9(Bytes payload) {
  ByteReader reader(payload);
  Vp9Descriptor descriptor;
  const std::uint8_t first = reader.u8();
  descriptor.is_inter_picture_predicted = (first & kInterPicture) != 0;
  descriptor.is_flexible = (first & kFlexible) != 0;
  descriptor.starts_frame = (first & kStart) != 0;
  descriptor.ends_frame = (first & kEnd) != 0;
  descriptor.has_scalability_structure = (first & kHasStructure) != 0;
  descriptor.is_not_reference_for_upper = (first & kNotReferenceForUpper) != 0;
  if ((first & kHasPictureId) != 0) {
    read_picture_id(reader, descriptor);
  }
  if ((first & kHasLayers) != 0) {
    read_vp9_layers(reader, descriptor);
  }
  if (descriptor.is_flexible && descriptor.is_inter_picture_predicted && !skip_references(reader)) {
    return std::nullopt;
  }
  if (descriptor.has_scalability_structure) {
    read_scalability_structure(reader, descriptor);
  }
  if (reader.failed() || reader.remaining() == 0) {
    return std::nullopt;
  }
  descriptor.size = static_cast<std::uint16_t>(reader.offset());
  return descriptor;
}

void rewrite_vp9(MutableBytes payload, const Vp9Descriptor& descriptor, const Vp9Rewrite& rewrite) {
  MERIDIAN_CHECK(payload.size() >= descriptor.size);
  if (descriptor.picture_id && rewrite.picture_id) {
    if (descriptor.has_long_picture_id) {
      store_u16(payload.data() + 1, static_cast<std::uint16_t>(0x8000U | *rewrite.picture_id));
    } else {
      payload[1] = static_cast<std::uint8_t>(*rewrite.picture_id & 0x7fU);
    }
  }
  if (descriptor.tl0_picture_index && rewrite.tl0_picture_index) {
    payload[descriptor.tl0_offset] = *rewrite.tl0_picture_index;
  }
}

}  // namespace meridian::rtp
