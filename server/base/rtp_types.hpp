#pragma once

#include <cstdint>

#include "base/strong.hpp"

namespace meridian {

using Ssrc = base::StrongInt<struct SsrcTag, std::uint32_t>;
using PayloadType = base::StrongInt<struct PayloadTypeTag, std::uint8_t>;
using RtpTimestamp = base::StrongInt<struct RtpTimestampTag, std::uint32_t>;
/// A sequence number with its rollovers counted; an order, unlike SequenceNumber.
using ExtendedSequence = base::StrongInt<struct ExtendedSequenceTag, std::uint64_t>;
/// Bits per second.
using Bitrate = base::StrongInt<struct BitrateTag, std::uint64_t>;

/// 16-bit RTP sequence number. Serial arithmetic is not an order, so there is no operator<.
class SequenceNumber {
 public:
  constexpr SequenceNumber() = default;
  constexpr explicit SequenceNumber(std::uint16_t value) : value_(value) {}
  [[nodiscard]] constexpr std::uint16_t value() const { return value_; }
  [[nodiscard]] constexpr SequenceNumber next() const { return plus(1); }
  [[nodiscard]] constexpr SequenceNumber plus(int delta) const {
    return SequenceNumber(static_cast<std::uint16_t>(value_ + delta));
  }
  /// Steps from `from` to this, in [-32768, 32767].
  [[nodiscard]] constexpr int distance_from(SequenceNumber from) const {
    return static_cast<std::int16_t>(static_cast<std::uint16_t>(value_ - from.value_));
  }
  [[nodiscard]] constexpr bool is_newer_than(SequenceNumber other) const {
    return distance_from(other) > 0;
  }
  friend constexpr bool operator==(SequenceNumber, SequenceNumber) = default;

 private:
  std::uint16_t value_ = 0;
};

/// The extended sequence nearest to `reference` that has these 16 low bits.
constexpr ExtendedSequence extend(SequenceNumber sequence, ExtendedSequence reference) {
  const SequenceNumber low(static_cast<std::uint16_t>(reference.value()));
  const std::int64_t delta = sequence.distance_from(low);
  const auto extended = static_cast<std::int64_t>(reference.value()) + delta;
  // Before the first wrap there is nothing below zero: take the value one cycle up.
  return ExtendedSequence(static_cast<std::uint64_t>(extended < 0 ? extended + 65536 : extended));
}

/// What of it a packet carries.
constexpr SequenceNumber low_half(ExtendedSequence sequence) {
  return SequenceNumber(static_cast<std::uint16_t>(sequence.value()));
}

}  // namespace meridian
