#include "rtp/packet.hpp"

#include "base/check.hpp"

namespace meridian::rtp {
namespace {

constexpr std::uint8_t kVersion = 2;
constexpr std::uint16_t kTwoByteProfileMask = 0xfff0;
constexpr std::uint8_t kPaddingId = 0;
constexpr std::uint8_t kStopId = 15;

bool has_rtp_version(std::uint8_t first_byte) {
  return first_byte >> 6U == kVersion;
}

}  // namespace

base::Expected<PacketView, ParseError> PacketView::parse(Bytes packet) {
  if (packet.size() < kFixedHeaderSize) {
    return std::unexpected(ParseError::kTooShort);
  }
  if (packet.size() > kMaxSize) {
    return std::unexpected(ParseError::kTooLong);
  }
  if (!has_rtp_version(packet[0])) {
    return std::unexpected(ParseError::kBadVersion);
  }
  PacketView view;
  view.bytes_ = packet;
  std::size_t header_size = kFixedHeaderSize + 4 * view.csrc_count();
  if (header_size > packet.size()) {
    return std::unexpected(ParseError::kCsrcPastEnd);
  }
  const bool has_extension_block = (packet[0] & 0x10U) != 0;
  view.header_size_ = static_cast<std::uint16_t>(header_size);
  if (has_extension_block) {
    if (const auto parsed = view.parse_extension_block(header_size); !parsed) {
      return std::unexpected(parsed.error());
    }
  }
  const bool has_padding = (packet[0] & 0x20U) != 0;
  if (has_padding) {
    view.padding_size_ = packet.back();
    if (view.padding_size_ == 0 || view.padding_size_ > packet.size() - view.header_size_) {
      return std::unexpected(ParseError::kBadPadding);
    }
  }
  return view;
}

base::Expected<void, ParseError> PacketView::parse_extension_block(std::size_t offset) {
  if (offset + kBlockHeaderSize > bytes_.size()) {
    return std::unexpected(ParseError::kExtensionPastEnd);
  }
  const std::uint16_t profile = load_u16(data() + offset);
  const std::size_t begin = offset + kBlockHeaderSize;
  const std::size_t end = begin + std::size_t{4} * load_u16(data() + offset + 2);
  if (end > bytes_.size()) {
    return std::unexpected(ParseError::kExtensionPastEnd);
  }
  header_size_ = static_cast<std::uint16_t>(end);
  if (profile == kOneByteProfile) {
    return parse_one_byte(begin, end);
  }
  if ((profile & kTwoByteProfileMask) == kTwoByteProfile) {
    return parse_two_byte(begin, end);
  }
  return {};
}

base::Expected<void, ParseError> PacketView::parse_one_byte(std::size_t begin, std::size_t end) {
  for (std::size_t at = begin; at < end;) {
    const std::uint8_t head = bytes_[at++];
    if (head == kPaddingId) {
      continue;
    }
    const auto id = static_cast<std::uint8_t>(head >> 4U);
    if (id == kPaddingId || id == kStopId) {
      break;  // RFC 8285 section 4.2: what follows is not to be read, what precedes it counts
    }
    const std::size_t size = (head & 0x0fU) + std::size_t{1};
    if (const auto added = add(id, at, size, end); !added) {
      return added;
    }
    at += size;
  }
  return {};
}

base::Expected<void, ParseError> PacketView::parse_two_byte(std::size_t begin, std::size_t end) {
  for (std::size_t at = begin; at < end;) {
    const std::uint8_t id = bytes_[at++];
    if (id == kPaddingId) {
      continue;
    }
    if (at == end) {
      return std::unexpected(ParseError::kExtensionItemPastEnd);
    }
    const std::size_t size = bytes_[at++];
    if (const auto added = add(id, at, size, end); !added) {
      return added;
    }
    at += size;
  }
  return {};
}

base::Expected<void, ParseError> PacketView::add(std::uint8_t id, std::size_t offset,
                                                 std::size_t size, std::size_t end) {
  if (offset + size > end) {
    return std::unexpected(ParseError::kExtensionItemPastEnd);
  }
  if (find(id) != nullptr) {
    return {};
  }
  if (extension_count_ == kMaxExtensions) {
    return std::unexpected(ParseError::kTooManyExtensions);
  }
  elements_[extension_count_++] = {id, static_cast<std::uint8_t>(size),
                                   static_cast<std::uint16_t>(offset)};
  return {};
}

const PacketView::Element* PacketView::find(std::uint8_t id) const {
  for (std::size_t i = 0; i < extension_count_; ++i) {
    if (elements_[i].id == id) {
      return &elements_[i];
    }
  }
  return nullptr;
}

Bytes PacketView::extension(std::uint8_t id) const {
  const Element* element = find(id);
  return element == nullptr ? Bytes{} : bytes_.subspan(element->offset, element->size);
}

PacketView::ExtensionItem PacketView::extension_at(std::size_t index) const {
  MERIDIAN_CHECK(index < extension_count_);
  const Element& element = elements_[index];
  return {element.id, bytes_.subspan(element.offset, element.size)};
}

base::Expected<MutablePacketView, ParseError> MutablePacketView::parse(MutableBytes packet) {
  const auto view = PacketView::parse(packet);
  if (!view) {
    return std::unexpected(view.error());
  }
  return MutablePacketView(*view, packet.data());
}

void MutablePacketView::set_marker(Marker marker) {
  const unsigned bit = marker == Marker::kSet ? 0x80U : 0U;
  writable_[1] = static_cast<std::uint8_t>((writable_[1] & 0x7fU) | bit);
}

void MutablePacketView::set_payload_type(PayloadType payload_type) {
  MERIDIAN_CHECK(payload_type.value() <= 127);
  writable_[1] = static_cast<std::uint8_t>((writable_[1] & 0x80U) | payload_type.value());
}

MutableBytes MutablePacketView::mutable_extension(std::uint8_t id) const {
  const Element* element = find(id);
  if (element == nullptr) {
    return {};
  }
  return {writable_ + element->offset, element->size};
}

}  // namespace meridian::rtp
