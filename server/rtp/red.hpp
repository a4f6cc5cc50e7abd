#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/bytes.hpp"
#include "base/rtp_types.hpp"

namespace meridian::rtp {

/// One block of a redundant audio payload (RFC 2198).
struct RedBlock {
  /// What the two fields of a redundant block's header hold: 14 and 10 bits.
  static constexpr std::uint32_t kMaxOffset = 0x3fff;
  static constexpr std::size_t kMaxRedundantSize = 0x3ff;

  PayloadType payload_type;
  /// How much older than the packet's timestamp, in its ticks; 0 for the primary block.
  std::uint16_t timestamp_offset = 0;
  Bytes payload;
};

/// A parsed payload; views into the packet.
class RedPayload {
 public:
  static constexpr std::size_t kMaxBlocks = 16;
  /// Oldest first as sent; the last is the primary one.
  [[nodiscard]] std::span<const RedBlock> blocks() const { return std::span(blocks_).first(size_); }
  /// The current audio: what a subscriber without RED gets.
  [[nodiscard]] const RedBlock& primary() const { return blocks_[size_ - 1]; }
  /// All but the primary one.
  [[nodiscard]] std::span<const RedBlock> redundant() const {
    return std::span(blocks_).first(size_ - 1);
  }

 private:
  friend std::optional<RedPayload> parse_red(Bytes payload);
  std::array<RedBlock, kMaxBlocks> blocks_{};
  std::size_t size_ = 0;
};

/// Nothing when headers or blocks pass the end, or there are more than kMaxBlocks.
[[nodiscard]] std::optional<RedPayload> parse_red(Bytes payload);

/// Bytes that write_red() needs.
[[nodiscard]] std::size_t red_size(std::span<const RedBlock> blocks);

/// Writes a payload of these blocks, oldest first, the primary one last; its timestamp offset isn't
/// looked at. Returns its size. 0, and nothing of use in `out`: there is no block, `out` is too
/// small, or a redundant block is larger or older than its header can say. `out` must not overlap
/// the blocks.
[[nodiscard]] std::size_t write_red(std::span<const RedBlock> blocks, MutableBytes out);

}  // namespace meridian::rtp
