#pragma once

#include <cstddef>
#include <cstdint>

#include "base/rtp_types.hpp"
#include "base/time.hpp"

namespace meridian::forward {

/// When packets may leave for one subscriber, so that what a burst puts into the queue of the link
/// stays short: a budget that fills at the pacing rate, up to one burst. Packets that wait leave
/// together once a burst of them is paid for, since datagrams that leave together cost the sender
/// little. Audio asks nobody, and is only counted. Pure arithmetic.
class Pacer {
 public:
  /// Of the pacing rate, in one burst: while delay is normal, and while it grows.
  static constexpr Duration kBurst = 40ms;
  static constexpr Duration kCautiousBurst = 5ms;
  static constexpr std::size_t kMaxBurstPackets = 16;
  static constexpr std::size_t kPacketSize = 1250;

  enum class Delay : std::uint8_t { kNormal, kGrowing };
  void set_rate(Bitrate rate, Delay delay, Instant now);

  /// Whether a packet may leave now, while nothing waits before it.
  [[nodiscard]] bool may_send(Instant now);
  void on_sent(std::size_t bytes, Instant now);
  /// When `waiting` bytes, or as many of them as make a burst, may leave.
  [[nodiscard]] Instant next_release(std::size_t waiting, Instant now);
  /// Bytes of one burst.
  [[nodiscard]] double burst() const { return burst_; }

 private:
  void refill(Instant now);

  double rate_ = 0;  // bytes a nanosecond
  double burst_ = 0;
  double level_ = 0;
  bool has_started_ = false;
  Instant last_;
};

}  // namespace meridian::forward
