#include "rtp/red.hpp"

namespace meridian::rtp {

std::optional<RedPayload> parse_red(Bytes payload) {
  ByteReader reader(payload);
  RedPayload red;
  std::array<std::uint16_t, RedPayload::kMaxBlocks> lengths{};
  constexpr std::uint8_t kMoreBlocks = 0x80;
  // Headers of four bytes for redundant blocks, one of a single byte for the primary.
  while (true) {
    const std::uint8_t head = reader.u8();
    if (reader.failed() || red.size_ == RedPayload::kMaxBlocks) {
      return std::nullopt;
    }
    RedBlock& block = red.blocks_[red.size_];
    block.payload_type = PayloadType(head & 0x7fU);
    if ((head & kMoreBlocks) == 0) {
      break;
    }
    const std::uint32_t offset_and_length = reader.u24();
    block.timestamp_offset = static_cast<std::uint16_t>(offset_and_length >> 10U);
    lengths[red.size_] = offset_and_length & 0x3ffU;
    ++red.size_;
  }
  for (std::size_t i = 0; i < red.size_; ++i) {
    red.blocks_[i].payload = reader.bytes(lengths[i]);
  }
  red.blocks_[red.size_++].payload = reader.rest();
  if (reader.failed()) {
    return std::nullopt;
  }
  return red;
}

}  // namespace meridian::rtp
