#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/rtp_types.hpp"
#include "base/time.hpp"

namespace meridian::forward {

class Subscription;

/// A packet that waits until it may leave for one subscriber. Only its number: the bytes are in the
/// history of the publication, how they are rewritten in the log of the subscription.
struct WaitingPacket {
  Subscription* subscription = nullptr;
  Instant since;
  SequenceNumber sequence;
  /// Bytes that it takes on the way, about.
  std::uint16_t size = 0;
  /// RTP padding that it gets; see FramePadding.
  std::uint8_t padding = 0;
  /// Of a key frame, which is worth waiting for.
  bool is_key = false;
};

/// Packets that wait, first in, first out; in memory of its own, so that nothing is allocated.
template <std::size_t kCapacity>
class PaceQueue {
 public:
  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] bool is_full() const { return count_ == kCapacity; }
  [[nodiscard]] std::size_t size() const { return count_; }
  /// Sum of WaitingPacket::size.
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  /// Not while empty().
  [[nodiscard]] const WaitingPacket& front() const { return at(0); }

  /// False: it is full.
  [[nodiscard]] bool push(const WaitingPacket& packet) {
    if (is_full()) {
      return false;
    }
    packets_[(first_ + count_) % kCapacity] = packet;
    ++count_;
    bytes_ += packet.size;
    return true;
  }
  /// Not while empty().
  WaitingPacket pop() {
    const WaitingPacket packet = front();
    first_ = (first_ + 1) % kCapacity;
    --count_;
    bytes_ -= packet.size;
    return packet;
  }
  /// Takes out what `is_unwanted` of a packet says; the rest keeps its order. How many.
  template <class Predicate>
  std::size_t remove_if(Predicate&& is_unwanted) {
    std::size_t kept = 0;
    std::size_t bytes = 0;
    const std::size_t before = count_;
    for (std::size_t i = 0; i < before; ++i) {
      const WaitingPacket packet = at(i);
      if (is_unwanted(packet)) {
        continue;
      }
      packets_[(first_ + kept) % kCapacity] = packet;
      bytes += packet.size;
      ++kept;
    }
    count_ = kept;
    bytes_ = bytes;
    return before - kept;
  }

 private:
  [[nodiscard]] const WaitingPacket& at(std::size_t index) const {
    return packets_[(first_ + index) % kCapacity];
  }

  // What is asked for each packet comes first, next to its neighbours.
  std::size_t first_ = 0;
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
  std::array<WaitingPacket, kCapacity> packets_{};
};

}  // namespace meridian::forward
