#include "rtp/red.hpp"

#include <cstring>

namespace meridian::rtp {
namespace {

constexpr std::uint8_t kMoreBlocks = 0x80;
constexpr std::size_t kRedundantHeader = 4;
constexpr std::size_t kPrimaryHeader = 1;

void write_redundant_header(const RedBlock& block, std::uint8_t* out) {
  const std::uint32_t offset_and_length = (std::uint32_t{block.timestamp_offset} << 10U) |
                                          static_cast<std::uint32_t>(block.payload.size());
  out[0] = static_cast<std::uint8_t>(kMoreBlocks | (block.payload_type.value() & 0x7fU));
  out[1] = static_cast<std::uint8_t>(offset_and_length >> 16U);
  out[2] = static_cast<std::uint8_t>(offset_and_length >> 8U);
  out[3] = static_cast<std::uint8_t>(offset_and_length);
}

}  // namespace

std::optional<RedPayload> parse_red(Bytes payload) {
  ByteReader reader(payload);
  RedPayload red;
  std::array<std::uint16_t, RedPayload::kMaxBlocks> lengths{};
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

std::size_t red_size(std::span<const RedBlock> blocks) {
  if (blocks.empty()) {
    return 0;
  }
  std::size_t size = kPrimaryHeader + (blocks.size() - 1) * kRedundantHeader;
  for (const RedBlock& block : blocks) {
    size += block.payload.size();
  }
  return size;
}

std::size_t write_red(std::span<const RedBlock> blocks, MutableBytes out) {
  const std::size_t size = red_size(blocks);
  if (size == 0 || size > out.size() || blocks.size() > RedPayload::kMaxBlocks) {
    return 0;
  }
  std::uint8_t* header = out.data();
  for (const RedBlock& block : blocks.first(blocks.size() - 1)) {
    if (block.payload.size() > RedBlock::kMaxRedundantSize ||
        block.timestamp_offset > RedBlock::kMaxOffset) {
      return 0;
    }
    write_redundant_header(block, header);
    header += kRedundantHeader;
  }
  *header++ = static_cast<std::uint8_t>(blocks.back().payload_type.value() & 0x7fU);
  for (const RedBlock& block : blocks) {
    if (!block.payload.empty()) {
      std::memcpy(header, block.payload.data(), block.payload.size());
      header += block.payload.size();
    }
  }
  return size;
}

}  // namespace meridian::rtp
