#pragma once

#include <cstdint>
#include <optional>

#include "base/rtp_types.hpp"

namespace meridian::rtp {

/// Counts the rollovers of 16-bit sequence numbers. The first number lands one cycle above zero, so
/// that reordered packets of before it still have a place in the order.
class SequenceUnwrapper {
 public:
  /// The extended sequence nearest to the highest so far; keeps the highest.
  ExtendedSequence unwrap(SequenceNumber sequence) {
    const ExtendedSequence extended = peek(sequence);
    if (!highest_ || extended > *highest_) {
      highest_ = extended;
    }
    return extended;
  }
  /// The same without a change.
  [[nodiscard]] ExtendedSequence peek(SequenceNumber sequence) const {
    return highest_ ? extend(sequence, *highest_) : ExtendedSequence(kCycle + sequence.value());
  }
  /// None before the first number.
  [[nodiscard]] std::optional<ExtendedSequence> highest() const { return highest_; }
  void reset() { highest_.reset(); }

 private:
  static constexpr std::uint64_t kCycle = 1U << 16U;
  std::optional<ExtendedSequence> highest_;
};

/// An RTP timestamp with its rollovers counted; an order. Ticks of the codec's clock.
using ExtendedTimestamp = base::StrongInt<struct ExtendedTimestampTag, std::uint64_t>;

/// Counts the rollovers of 32-bit RTP timestamps, in the same way. Follows the last, not the
/// highest: timestamps may go back (B-frames, layers).
class TimestampUnwrapper {
 public:
  ExtendedTimestamp unwrap(RtpTimestamp timestamp) {
    if (!last_) {
      last_ = ExtendedTimestamp(kCycle + timestamp.value());
      return *last_;
    }
    const auto low = static_cast<std::uint32_t>(last_->value());
    const std::int64_t delta = static_cast<std::int32_t>(timestamp.value() - low);
    const auto extended = static_cast<std::int64_t>(last_->value()) + delta;
    last_ = ExtendedTimestamp(static_cast<std::uint64_t>(
        extended < 0 ? extended + static_cast<std::int64_t>(kCycle) : extended));
    return *last_;
  }
  void reset() { last_.reset(); }

 private:
  static constexpr std::uint64_t kCycle = std::uint64_t{1} << 32U;
  std::optional<ExtendedTimestamp> last_;
};

}  // namespace meridian::rtp
