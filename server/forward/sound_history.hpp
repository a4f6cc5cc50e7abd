#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/bytes.hpp"
#include "base/rtp_types.hpp"
#include "base/time.hpp"
#include "forward/token_bucket.hpp"

namespace meridian::forward {

/// The last packets of sound that one transport has sent, encrypted as they left, for subscribers
/// that miss some and have no stream of retransmissions (RFC 4588), as no browser has for Opus.
/// They get the same bytes once more: encrypting other bytes under the same sequence number would
/// give away the key. One for all streams of the transport, about 40 KiB, taken when it is made;
/// bounded in packets, bytes, time, and in what may be sent again.
class SoundHistory {
 public:
  static constexpr std::size_t kPackets = 256;  // a power of two
  static constexpr std::size_t kBytes = 32 * 1024;
  /// What comes later than this is of no use to a jitter buffer.
  static constexpr Duration kMaxAge = 500ms;
  /// Copies of a packet, beyond the first transmission.
  static constexpr std::uint8_t kMaxCopies = 6;
  static constexpr Duration kMinRepeatDelay = 20ms;
  static constexpr Duration kMaxRepeatDelay = 100ms;
  /// Bytes that may be sent again, each second and at once: 256 kbit/s.
  static constexpr std::uint64_t kBudget = 32'000;
  static constexpr std::uint64_t kBurst = 16'000;

  SoundHistory();

  /// A packet as it left, valid until the next add(). Empty: none.
  struct Kept {
    Bytes datagram;
    /// Its transport-wide number, which it keeps: a copy with another one would need other bytes.
    SequenceNumber transport_sequence;
    [[nodiscard]] bool empty() const { return datagram.empty(); }
  };

  /// Keeps a packet of a stream; what it overwrites isn't found any more.
  void add(Ssrc ssrc, SequenceNumber sequence, const Kept& packet, Instant now);

  /// The packet, if it is to be sent `copies` times now. Empty: it isn't there, is too old, was
  /// sent less than a round trip ago or as often as it may, or the budget is spent.
  [[nodiscard]] Kept take_asked(Ssrc ssrc, SequenceNumber sequence, std::uint8_t copies,
                                Instant now);
  /// The packet for one copy that nobody has asked for; otherwise the same.
  [[nodiscard]] Kept take_repeat(Ssrc ssrc, SequenceNumber sequence, Instant now);

  void set_round_trip(Duration round_trip);

 private:
  struct Entry {
    std::uint64_t position = 0;
    Instant sent;
    Instant repeated;
    Ssrc ssrc;
    SequenceNumber sequence;
    SequenceNumber transport_sequence;
    std::uint16_t size = 0;  // 0: nothing here
    std::uint8_t copies = 0;
  };

  [[nodiscard]] Entry& place(Ssrc ssrc, SequenceNumber sequence);
  [[nodiscard]] Entry* find(Ssrc ssrc, SequenceNumber sequence, Instant now);
  [[nodiscard]] Kept spend(Entry& entry, std::uint8_t copies, Instant now);

  std::array<Entry, kPackets> entries_{};
  std::unique_ptr<std::uint8_t[]> memory_;
  /// Bytes ever written, gaps at the end of the memory included.
  std::uint64_t head_ = 0;
  TokenBucket budget_{kBudget, kBurst};
  Duration repeat_delay_ = kMaxRepeatDelay;
};

}  // namespace meridian::forward
