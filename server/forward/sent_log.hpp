#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/prefetch.hpp"
#include "base/rtp_types.hpp"
#include "forward/media_packet.hpp"
#include "forward/send_rewriter.hpp"

namespace meridian::forward {

/// What was sent under a sequence number: where the packet lies in the history, and its numbers.
struct SentPacket {
  std::uint8_t layer = 0;
  std::uint32_t generation = 0;
  /// Low bits of the source's extended sequence number, see SentLog::kSourceBits.
  std::uint32_t source_sequence = 0;
  Rewrite rewrite;
};

/// The last packets sent to one subscriber, for retransmissions. There is one for each video
/// subscription, so that it begins small and grows with the stream's rate, in steps.
class SentLog {
 public:
  /// 0.7 s of 1.7 Mbit/s; a NACK comes within a round trip or two.
  static constexpr std::size_t kMinCapacity = 128;
  /// As much as any layer's history holds.
  static constexpr std::size_t kMaxCapacity = 1024;

  /// What is kept of a source's numbers: they come again after more than an hour.
  static constexpr unsigned kSourceBits = 20;

  explicit SentLog(std::size_t capacity = kMinCapacity);

  [[nodiscard]] std::size_t capacity() const { return entries_.size(); }
  /// Makes room for so many packets, up to kMaxCapacity, and keeps what is there. Allocates when it
  /// grows, which it does by a quarter at least.
  void reserve(std::size_t packets);

  void add(const SentPacket& packet);
  /// It was not sent after all.
  void forget(SequenceNumber sequence);
  /// Nothing when it was not sent, or is overwritten.
  [[nodiscard]] std::optional<SentPacket> find(SequenceNumber sequence) const;

  /// Into the cache: where the next packets of a picture will be noted.
  void prefetch_next() const {
    base::prefetch(entries_.data() + (newest_ + 1) % entries_.size(), 8 * sizeof(Entry));
  }

 private:
  static constexpr std::size_t kStep = 32;
  /// Packed by hand.
  struct Entry {
    std::uint32_t source_sequence : kSourceBits = 0;
    std::uint32_t generation : 8 = 0;
    std::uint32_t layer : 2 = 0;
    std::uint32_t is_used : 1 = 0;
    std::uint32_t marker : 1 = 0;
    std::uint32_t timestamp = 0;
    std::uint16_t sequence = 0;  // low bits of the extended one
    std::uint16_t picture_id = 0;
    std::uint16_t frame_number = 0;
    std::uint8_t tl0_picture_index = 0;
    std::uint8_t key_index = 0;
  };
  static_assert(sizeof(Entry) == 16 && kMaxLayers <= 4);

  [[nodiscard]] Entry& place(std::uint64_t sequence) {
    return entries_[sequence % entries_.size()];
  }
  /// The extended number that is meant; nothing when it is newer or older than what is kept.
  [[nodiscard]] std::optional<std::uint64_t> extend(SequenceNumber sequence) const;

  std::vector<Entry> entries_;
  /// Extended, of those that were added.
  std::uint64_t newest_ = 0;
};

}  // namespace meridian::forward
