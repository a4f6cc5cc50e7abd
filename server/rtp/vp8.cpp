#include "rtp/vp8.hpp"

#include "base/check.hpp"

namespace meridian::rtp {
namespace {

// First byte: |X|R|N|S|R| PID |
constexpr std::uint8_t kExtended = 0x80;
constexpr std::uint8_t kNonReference = 0x20;
constexpr std::uint8_t kStart = 0x10;
constexpr std::uint8_t kPartitionMask = 0x07;
// Extension byte: |I|L|T|K| RSV |
constexpr std::uint8_t kHasPictureId = 0x80;
constexpr std::uint8_t kHasTl0 = 0x40;
constexpr std::uint8_t kHasTemporal = 0x20;
constexpr std::uint8_t kHasKeyIndex = 0x10;
// Last byte: |TID|Y| KEYIDX |
constexpr std::uint8_t kLayerSync = 0x20;
constexpr std::uint8_t kKeyIndexMask = 0x1f;

constexpr std::uint8_t kLongPictureId = 0x80;
constexpr std::uint8_t kInterFrame = 0x01;  // P bit of the payload header

std::uint8_t bit_if(bool condition, std::uint8_t bit) {
  return condition ? bit : std::uint8_t{0};
}

void write_picture_id(ByteWriter& writer, std::uint16_t picture_id, bool is_long) {
  if (is_long) {
    writer.u16(static_cast<std::uint16_t>(0x8000U | picture_id));
  } else {
    writer.u8(static_cast<std::uint8_t>(picture_id & 0x7fU));
  }
}

void write_last_byte(ByteWriter& writer, const Vp8Descriptor& descriptor) {
  const unsigned temporal = descriptor.temporal_layer.value_or(0) & 3U;
  const unsigned key_index = descriptor.key_index.value_or(0) & kKeyIndexMask;
  writer.u8(static_cast<std::uint8_t>((temporal << 6U) |
                                      bit_if(descriptor.is_layer_sync, kLayerSync) | key_index));
}

}  // namespace

std::optional<Vp8Descriptor> parse_vp8(Bytes payload) {
  ByteReader reader(payload);
  Vp8Descriptor descriptor;
  const std::uint8_t first = reader.u8();
  descriptor.is_non_reference = (first & kNonReference) != 0;
  descriptor.starts_partition = (first & kStart) != 0;
  descriptor.partition = first & kPartitionMask;
  const std::uint8_t present = (first & kExtended) != 0 ? reader.u8() : std::uint8_t{0};
  if ((present & kHasPictureId) != 0) {
    std::uint16_t picture_id = reader.u8();
    descriptor.has_long_picture_id = (picture_id & kLongPictureId) != 0;
    if (descriptor.has_long_picture_id) {
      picture_id = static_cast<std::uint16_t>(((picture_id & 0x7fU) << 8U) | reader.u8());
    }
    descriptor.picture_id = picture_id;
  }
  if ((present & kHasTl0) != 0) {
    descriptor.tl0_picture_index = reader.u8();
  }
  if ((present & (kHasTemporal | kHasKeyIndex)) != 0) {
    const std::uint8_t last = reader.u8();
    if ((present & kHasTemporal) != 0) {
      descriptor.temporal_layer = static_cast<std::uint8_t>(last >> 6U);
      descriptor.is_layer_sync = (last & kLayerSync) != 0;
    }
    if ((present & kHasKeyIndex) != 0) {
      descriptor.key_index = last & kKeyIndexMask;
    }
  }
  descriptor.size = static_cast<std::uint8_t>(reader.offset());
  const std::uint8_t payload_header = reader.u8();
  if (reader.failed()) {
    return std::nullopt;
  }
  descriptor.is_keyframe = descriptor.starts_frame() && (payload_header & kInterFrame) == 0;
  return descriptor;
}

void rewrite_vp8(MutableBytes payload, const Vp8Descriptor& descriptor, const Vp8Rewrite& rewrite) {
  MERIDIAN_CHECK(payload.size() >= descriptor.size);
  std::size_t at = 2;  // behind the extension byte; nothing below runs without one
  if (descriptor.picture_id) {
    if (rewrite.picture_id) {
      ByteWriter writer(payload.subspan(at));
      write_picture_id(writer, *rewrite.picture_id, descriptor.has_long_picture_id);
    }
    at += descriptor.has_long_picture_id ? 2 : 1;
  }
  if (descriptor.tl0_picture_index) {
    payload[at] = rewrite.tl0_picture_index.value_or(payload[at]);
    ++at;
  }
  if (descriptor.key_index && rewrite.key_index) {
    payload[at] = static_cast<std::uint8_t>((payload[at] & ~unsigned{kKeyIndexMask}) |
                                            (*rewrite.key_index & kKeyIndexMask));
  }
}

std::size_t write_vp8(const Vp8Descriptor& descriptor, MutableBytes out) {
  MERIDIAN_CHECK(out.size() >= Vp8Descriptor::kMaxSize);
  const bool has_last = descriptor.temporal_layer || descriptor.key_index;
  const bool is_extended = descriptor.picture_id || descriptor.tl0_picture_index || has_last;
  ByteWriter writer(out);
  writer.u8(static_cast<std::uint8_t>(
      bit_if(is_extended, kExtended) | bit_if(descriptor.is_non_reference, kNonReference) |
      bit_if(descriptor.starts_partition, kStart) | (descriptor.partition & kPartitionMask)));
  if (is_extended) {
    writer.u8(
        static_cast<std::uint8_t>(bit_if(descriptor.picture_id.has_value(), kHasPictureId) |
                                  bit_if(descriptor.tl0_picture_index.has_value(), kHasTl0) |
                                  bit_if(descriptor.temporal_layer.has_value(), kHasTemporal) |
                                  bit_if(descriptor.key_index.has_value(), kHasKeyIndex)));
  }
  if (descriptor.picture_id) {
    write_picture_id(writer, *descriptor.picture_id, descriptor.has_long_picture_id);
  }
  if (descriptor.tl0_picture_index) {
    writer.u8(*descriptor.tl0_picture_index);
  }
  if (has_last) {
    write_last_byte(writer, descriptor);
  }
  return writer.size();
}

}  // namespace meridian::rtp
