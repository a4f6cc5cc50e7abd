#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/rtp_types.hpp"

namespace meridian::srtp {

/// State for each SSRC, by open addressing in one array that is at most half full. find() allocates
/// nothing; insert() may, up to `max_streams`. References hold until the next insert().
template <class State>
class SsrcTable {
 public:
  explicit SsrcTable(std::size_t max_streams) : max_streams_(max_streams), slots_(kInitialSlots) {}

  [[nodiscard]] State* find(Ssrc ssrc) {
    Slot& slot = slots_[probe(ssrc)];
    return slot.is_used ? &slot.state : nullptr;
  }
  [[nodiscard]] bool is_full() const { return size_ >= max_streams_; }
  [[nodiscard]] std::size_t size() const { return size_; }

  /// The state of this SSRC, fresh when it is new; null at the limit.
  State* insert(Ssrc ssrc) {
    if (State* known = find(ssrc)) {
      return known;
    }
    if (is_full()) {
      return nullptr;
    }
    if ((size_ + 1) * 2 > slots_.size()) {
      grow();
    }
    Slot& slot = slots_[probe(ssrc)];
    slot.ssrc = ssrc;
    slot.is_used = true;
    ++size_;
    return &slot.state;
  }

 private:
  static constexpr std::size_t kInitialSlots = 8;
  struct Slot {
    Ssrc ssrc;
    bool is_used = false;
    State state{};
  };

  /// Where this SSRC is or would go. SSRCs come from peers, who may choose them to collide; the
  /// limit on streams bounds what that costs.
  [[nodiscard]] std::size_t probe(Ssrc ssrc) const {
    const std::size_t mask = slots_.size() - 1;
    const int shift = 32 - std::countr_zero(slots_.size());
    std::size_t index = (ssrc.value() * 0x9e3779b1U) >> shift;
    while (slots_[index].is_used && slots_[index].ssrc != ssrc) {
      index = (index + 1) & mask;
    }
    return index;
  }
  void grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    for (Slot& slot : old) {
      if (slot.is_used) {
        slots_[probe(slot.ssrc)] = std::move(slot);
      }
    }
  }

  std::size_t max_streams_;
  std::size_t size_ = 0;
  std::vector<Slot> slots_;
};

}  // namespace meridian::srtp
