#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <memory>
#include <new>

#include "base/check.hpp"

namespace meridian::base {

/// Single-producer single-consumer ring of preallocated slots; neither side locks or allocates.
/// The producer fills the slot from claim() and publishes it; the consumer reads front() and pops.
template <class Slot>
class SpscRing {
 public:
  explicit SpscRing(std::size_t capacity)
      : mask_(std::bit_ceil(capacity) - 1), slots_(std::make_unique<Slot[]>(mask_ + 1)) {
    MERIDIAN_CHECK(capacity > 0);
  }

  /// Producer: the next free slot, or null when the ring is full (the caller counts the drop).
  Slot* claim() {
    const std::size_t head = head_.load(std::memory_order_relaxed);
    if (head - cached_tail_ > mask_) {
      cached_tail_ = tail_.load(std::memory_order_acquire);
      if (head - cached_tail_ > mask_) {
        return nullptr;
      }
    }
    return &slots_[head & mask_];
  }
  /// Producer: makes the claimed slot visible.
  void publish() {
    head_.store(head_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }

  /// Consumer: the oldest slot, or null when empty.
  Slot* front() {
    const std::size_t tail = tail_.load(std::memory_order_relaxed);
    if (tail == cached_head_) {
      cached_head_ = head_.load(std::memory_order_acquire);
      if (tail == cached_head_) {
        return nullptr;
      }
    }
    return &slots_[tail & mask_];
  }
  /// Consumer: the slot `ahead` places behind the oldest, or null when there are not so many.
  Slot* peek(std::size_t ahead) {
    const std::size_t tail = tail_.load(std::memory_order_relaxed);
    if (cached_head_ - tail <= ahead) {
      cached_head_ = head_.load(std::memory_order_acquire);
      if (cached_head_ - tail <= ahead) {
        return nullptr;
      }
    }
    return &slots_[(tail + ahead) & mask_];
  }
  /// Consumer: releases the slot of front(), or the first that peek() showed.
  void pop() { tail_.store(tail_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }

  [[nodiscard]] std::size_t capacity() const { return mask_ + 1; }

 private:
  static constexpr std::size_t kCacheLine = 64;
  const std::size_t mask_;
  std::unique_ptr<Slot[]> slots_;
  alignas(kCacheLine) std::atomic<std::size_t> head_{0};
  std::size_t cached_tail_ = 0;
  alignas(kCacheLine) std::atomic<std::size_t> tail_{0};
  std::size_t cached_head_ = 0;
};

}  // namespace meridian::base
