#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace meridian::srtp {

/// Which of the last `kSize` packet indexes were seen (RFC 3711 section 3.3.2). A ring of bits: the
/// index modulo kSize names its bit, and moving on clears what the ring now reuses.
template <std::size_t kSize>
class ReplayWindow {
  static_assert(kSize % 64 == 0 && (kSize & (kSize - 1)) == 0);

 public:
  [[nodiscard]] bool is_empty() const { return is_empty_; }
  /// The highest index so far; 0 when empty.
  [[nodiscard]] std::uint64_t highest() const { return highest_; }

  /// False when `index` was seen, or is too old to tell.
  [[nodiscard]] bool is_new(std::uint64_t index) const {
    if (is_empty_ || index > highest_) {
      return true;
    }
    return highest_ - index < kSize && (word(index) & bit(index)) == 0;
  }

  /// Marks an index for which is_new() held.
  void add(std::uint64_t index) {
    if (is_empty_ || (index > highest_ && index - highest_ >= kSize)) {
      words_.fill(0);
      highest_ = index;
      is_empty_ = false;
    } else {
      while (highest_ < index) {
        ++highest_;
        word(highest_) &= ~bit(highest_);
      }
    }
    word(index) |= bit(index);
  }

 private:
  static constexpr std::uint64_t bit(std::uint64_t index) {
    return std::uint64_t{1} << (index % 64);
  }
  [[nodiscard]] std::uint64_t& word(std::uint64_t index) { return words_[(index % kSize) / 64]; }
  [[nodiscard]] std::uint64_t word(std::uint64_t index) const {
    return words_[(index % kSize) / 64];
  }

  std::array<std::uint64_t, kSize / 64> words_{};
  std::uint64_t highest_ = 0;
  bool is_empty_ = true;
};

}  // namespace meridian::srtp
