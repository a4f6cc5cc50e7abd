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

 private:
  friend std::optional<RedPayload> parse_red(Bytes payload);
  std::array<RedBlock, kMaxBlocks> blocks_{};
  std::size_t size_ = 0;
};

/// Nothing when headers or blocks pass the end, or there are more than kMaxBlocks.
[[nodiscard]] std::optional<RedPayload> parse_red(Bytes payload);

}  // namespace meridian::rtp
