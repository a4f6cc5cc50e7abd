#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bytes.hpp"
#include "base/rtp_types.hpp"
#include "base/time.hpp"
#include "forward/media_packet.hpp"

namespace meridian::forward {

/// How much of a layer is kept.
struct HistorySize {
  std::size_t packets = 0;  // a power of two
  std::size_t bytes = 0;    // payloads and dependency descriptors
};

/// Audio is only kept until the end of the batch in which it came.
inline constexpr HistorySize kAudioHistory{.packets = 64, .bytes = 32 * 1024};
/// About 2 s of a 180p, 360p and 720p layer (the last also of a single layer of 3 Mbit/s).
inline constexpr HistorySize kLowVideoHistory{.packets = 256, .bytes = 160 * 1024};
inline constexpr HistorySize kMidVideoHistory{.packets = 512, .bytes = 384 * 1024};
inline constexpr HistorySize kHighVideoHistory{.packets = 1024, .bytes = 832 * 1024};

/// The last packets of one layer in plaintext, one copy for all subscribers, in memory allocated
/// once. A subscription keeps only sequence numbers into it. What is overwritten is not found any
/// more; nothing is ever handed out half overwritten.
class History {
 public:
  /// Packets older than this are not retransmitted: the subscriber has asked for a key frame by
  /// then.
  static constexpr Duration kMaxAge = 2s;

  explicit History(HistorySize size);

  /// Keeps a copy. False: the packet is older than what its place holds, or larger than a quarter
  /// of the memory. Invalidates views into what it overwrites.
  bool store(const MediaPacket& packet);

  /// The packet with views into the history, valid until the next store(). Null when it never came
  /// or is overwritten.
  [[nodiscard]] const MediaPacket* find(std::uint32_t generation, ExtendedSequence sequence) const;
  /// The same by what a SentLog keeps: the low bits of generation (8) and sequence number (20).
  [[nodiscard]] const MediaPacket* find_sent(std::uint8_t generation, std::uint32_t sequence) const;

  /// Forgets all, e.g. when the stream restarts.
  void clear();

 private:
  struct Entry {
    MediaPacket packet;
    std::uint64_t position = 0;
    bool is_used = false;
  };

  [[nodiscard]] bool is_whole(const Entry& entry) const {
    return entry.is_used && head_ - entry.position <= memory_.size();
  }

  std::vector<Entry> entries_;
  std::vector<std::uint8_t> memory_;
  /// Bytes ever written, gaps at the end of the memory included; what is more than the memory's
  /// size behind it is overwritten.
  std::uint64_t head_ = 0;
};

}  // namespace meridian::forward
