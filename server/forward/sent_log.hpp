#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/rtp_types.hpp"
#include "forward/send_rewriter.hpp"

namespace meridian::forward {

/// What was sent under a sequence number: where the packet lies in the history, and its numbers.
struct SentPacket {
  std::uint8_t layer = 0;
  std::uint32_t generation = 0;
  /// Low half of the source's extended sequence number.
  std::uint32_t source_sequence = 0;
  Rewrite rewrite;
};

/// The last packets sent to one subscriber, for retransmissions.
class SentLog {
 public:
  /// About 2 s of 2.5 Mbit/s; a NACK for what is older comes too late to be of use.
  static constexpr std::size_t kCapacity = 512;

  void add(const SentPacket& packet);
  /// Nothing when it was not sent, or is overwritten.
  [[nodiscard]] std::optional<SentPacket> find(SequenceNumber sequence) const;

 private:
  /// Packed by hand: there is one ring for each video subscription.
  struct Entry {
    std::uint32_t source_sequence = 0;
    std::uint32_t sequence = 0;  // low half of the extended one
    std::uint32_t timestamp = 0;
    std::uint16_t picture_id = 0;
    std::uint16_t frame_number = 0;
    std::uint8_t tl0_picture_index = 0;
    std::uint8_t key_index = 0;
    std::uint8_t generation = 0;
    std::uint8_t layer : 4 = 0;
    std::uint8_t is_used : 1 = 0;
    std::uint8_t marker : 1 = 0;
  };
  static_assert(sizeof(Entry) == 20);

  std::array<Entry, kCapacity> entries_{};
};

}  // namespace meridian::forward
