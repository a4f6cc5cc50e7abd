#pragma once

#include <cstddef>
#include <cstdint>

#include "base/rtp_types.hpp"
#include "base/time.hpp"

namespace meridian::bwe {

/// Which probe a packet belongs to; counts up from 1, 0 = none.
using ProbeCluster = std::uint16_t;
inline constexpr ProbeCluster kNoCluster = 0;

/// A packet that was sent under a transport-wide sequence number.
struct SentPacket {
  ExtendedSequence sequence;
  Instant sent_at;
  std::uint32_t size = 0;  // bytes, of the RTP packet
  ProbeCluster cluster = kNoCluster;
  /// An earlier feedback said that it did not arrive.
  bool was_told_lost = false;
  /// How much later the same bytes were sent for the second time, of kRepeatStep; 0: never.
  std::uint8_t repeated_after = 0;
  static constexpr Duration kRepeatStep = 2ms;
};
static_assert(sizeof(SentPacket) == 24);

/// What the peer says about one sent packet.
struct PacketResult {
  SentPacket sent;
  /// On the peer's clock, whose origin is arbitrary; never() when it did not arrive.
  Instant received = Instant::never();
  [[nodiscard]] bool is_lost() const { return received.is_never(); }
  /// It was counted as lost before, and was only late.
  [[nodiscard]] bool is_found() const { return sent.was_told_lost && !is_lost(); }
};

/// bits per second, of `bytes` in `time` (> 0).
[[nodiscard]] inline double rate_of(double bytes, Duration time) {
  return bytes * 8e9 / static_cast<double>(time.count());
}
[[nodiscard]] inline double seconds(Duration time) {
  return static_cast<double>(time.count()) * 1e-9;
}
[[nodiscard]] inline double milliseconds(Duration time) {
  return static_cast<double>(time.count()) * 1e-6;
}
[[nodiscard]] inline double to_double(Bitrate rate) {
  return static_cast<double>(rate.value());
}
/// Rounds towards zero; negative is zero.
[[nodiscard]] inline Bitrate to_bitrate(double bits_per_second) {
  return Bitrate(bits_per_second > 0 ? static_cast<std::uint64_t>(bits_per_second) : 0);
}

}  // namespace meridian::bwe
