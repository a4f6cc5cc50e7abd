#include "rtp/packet_writer.hpp"

#include <cstring>

#include "base/check.hpp"

namespace meridian::rtp {
namespace {

constexpr std::uint8_t kMaxOneByteId = 14;
constexpr std::size_t kMaxOneByteValue = 16;

std::size_t aligned(std::size_t size) {
  return (size + 3) & ~std::size_t{3};
}

}  // namespace

bool ExtensionList::can_add(std::uint8_t id, std::size_t size) const {
  if (id == 0 || size > kMaxValueSize || size_ == kMaxItems) {
    return false;
  }
  for (std::size_t i = 0; i < size_; ++i) {
    if (items_[i].id == id) {
      return false;
    }
  }
  return true;
}

bool ExtensionList::add(std::uint8_t id, Bytes value) {
  if (!can_add(id, value.size())) {
    return false;
  }
  items_[size_++] = {id, value};
  return true;
}

bool ExtensionList::add_copy(std::uint8_t id, Bytes value) {
  if (!can_add(id, value.size()) || value.size() > kScratchSize - scratch_used_) {
    return false;
  }
  if (!value.empty()) {
    std::memcpy(scratch_.data() + scratch_used_, value.data(), value.size());
  }
  return commit(id, value.size());
}

MutableBytes ExtensionList::scratch(std::size_t max_size) {
  if (max_size > kScratchSize - scratch_used_) {
    return {};
  }
  return MutableBytes(scratch_).subspan(scratch_used_, max_size);
}

bool ExtensionList::commit(std::uint8_t id, std::size_t size) {
  MERIDIAN_CHECK(size <= kScratchSize - scratch_used_);
  if (!add(id, Bytes(scratch_).subspan(scratch_used_, size))) {
    return false;
  }
  scratch_used_ += size;
  return true;
}

bool ExtensionList::needs_two_byte_form() const {
  for (std::size_t i = 0; i < size_; ++i) {
    const std::size_t size = items_[i].value.size();
    if (items_[i].id > kMaxOneByteId || size == 0 || size > kMaxOneByteValue) {
      return true;
    }
  }
  return false;
}

std::size_t ExtensionList::block_size() const {
  if (empty()) {
    return 0;
  }
  std::size_t size = size_ * (needs_two_byte_form() ? 2 : 1);
  for (std::size_t i = 0; i < size_; ++i) {
    size += items_[i].value.size();
  }
  return kBlockHeaderSize + aligned(size);
}

void ExtensionList::write(MutableBytes out) const {
  MERIDIAN_CHECK(out.size() == block_size());
  if (empty()) {
    return;
  }
  const bool two_byte = needs_two_byte_form();
  ByteWriter writer(out);
  writer.u16(two_byte ? kTwoByteProfile : kOneByteProfile);
  writer.u16(static_cast<std::uint16_t>((out.size() - kBlockHeaderSize) / 4));
  for (std::size_t i = 0; i < size_; ++i) {
    const Item& item = items_[i];
    if (two_byte) {
      writer.u8(item.id);
      writer.u8(static_cast<std::uint8_t>(item.value.size()));
    } else {
      writer.u8(static_cast<std::uint8_t>(std::size_t{item.id} << 4U | (item.value.size() - 1)));
    }
    writer.bytes(item.value);
  }
  writer.fill(writer.remaining(), 0);
}

std::size_t packet_size(const ExtensionList& extensions, const PacketBody& body) {
  return PacketView::kFixedHeaderSize + extensions.block_size() + body.prefix.size() +
         body.payload.size() + body.padding;
}

MutableBytes write_packet(MutableBytes buffer, const PacketHeader& header,
                          const ExtensionList& extensions, const PacketBody& body) {
  MERIDIAN_CHECK(header.payload_type.value() <= 127);
  const std::size_t block_size = extensions.block_size();
  const std::size_t size = PacketView::kFixedHeaderSize + block_size + body.prefix.size() +
                           body.payload.size() + body.padding;
  if (size > buffer.size()) {
    return {};
  }
  ByteWriter writer(buffer.first(size));
  const unsigned padding_bit = body.padding != 0 ? 0x20U : 0U;
  const unsigned extension_bit = block_size != 0 ? 0x10U : 0U;
  const unsigned marker_bit = header.marker == Marker::kSet ? 0x80U : 0U;
  writer.u8(static_cast<std::uint8_t>(0x80U | padding_bit | extension_bit));
  writer.u8(static_cast<std::uint8_t>(marker_bit | header.payload_type.value()));
  writer.u16(header.sequence.value());
  writer.u32(header.timestamp.value());
  writer.u32(header.ssrc.value());
  extensions.write(writer.reserve(block_size));
  writer.bytes(body.prefix);
  writer.bytes(body.payload);
  if (body.padding != 0) {
    writer.fill(body.padding - std::size_t{1}, 0);
    writer.u8(body.padding);
  }
  MERIDIAN_CHECK(!writer.failed() && writer.remaining() == 0);
  return buffer.first(size);
}

}  // namespace meridian::rtp
