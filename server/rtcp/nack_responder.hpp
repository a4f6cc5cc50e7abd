#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/rtp_types.hpp"
#include "base/time.hpp"

namespace meridian::rtcp {

/// Decides, for one sent stream, which of the retransmissions that its receiver asks for are made.
/// One NACK packet can ask for thousands of packets: replies are limited for each packet, in time
/// and in bytes, so that a receiver can neither flood itself nor starve others.
class NackResponder {
 public:
  /// As often as browsers ask: with 30 % of loss both ways three replies would leave one packet of
  /// forty missing, and each of them stops the picture. The budget bounds what that costs.
  static constexpr std::uint8_t kMaxReplies = 10;
  static constexpr Duration kMaxRepeatDelay = 500ms;
  /// As long as the round trip is unknown.
  static constexpr Duration kFirstRepeatDelay = 100ms;
  static constexpr Bitrate kMinBudget = Bitrate(100'000);
  /// Of what the stream itself sends: 30 % of loss take 43 % of it, and key frames come in bursts.
  static constexpr std::uint64_t kBudgetPercent = 75;

  enum class Decision : std::uint8_t {
    kResend,
    kTooSoon,     // asked for again before the last reply can have arrived
    kTooOften,    // kMaxReplies were sent
    kTooOld,      // fell out of the window of remembered sequences
    kOverBudget,  // the retransmission budget is spent
  };
  /// `sequence` as sent; `size` in bytes on the wire. kResend counts as sent.
  [[nodiscard]] Decision decide(SequenceNumber sequence, std::size_t size, Instant now);

  /// Zero: unknown.
  void set_round_trip(Duration round_trip);
  /// What the stream itself sends; the budget is kBudgetPercent of it, at least kMinBudget.
  void set_stream_rate(Bitrate rate);

 private:
  static constexpr std::size_t kWindow = 128;
  /// Small, since there is a window for each video subscription.
  struct Reply {
    /// Milliseconds, modulo 2^16: 65 seconds.
    std::uint16_t at = 0;
    SequenceNumber sequence;
    std::uint8_t count = 0;
  };
  static_assert(sizeof(Reply) == 6);

  void refill(Instant now);

  std::array<Reply, kWindow> replies_{};
  Duration repeat_delay_ = kFirstRepeatDelay;
  Bitrate budget_ = kMinBudget;
  std::uint64_t tokens_ = kMinBudget.value() / 8;  // bytes; at most one second of the budget
  Instant refilled_at_;
  bool is_started_ = false;
};

}  // namespace meridian::rtcp
