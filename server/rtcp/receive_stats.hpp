#pragma once

#include <cstdint>

#include "base/rtp_types.hpp"
#include "base/time.hpp"
#include "rtcp/packet.hpp"

namespace meridian::rtcp {

/// What one received SSRC's report block is made of (RFC 3550 sections 6.4.1, A.3 and A.8).
/// Retransmissions on another SSRC must not be given to it.
class ReceiveStats {
 public:
  /// `clock_rate` in Hz, greater than 0.
  explicit ReceiveStats(std::uint32_t clock_rate) : clock_rate_(clock_rate) {}

  void on_packet(ExtendedSequence sequence, RtpTimestamp timestamp, Instant arrival);
  void on_sender_report(NtpTime ntp, Instant arrival);

  /// The block for the interval since the last call, which starts a new interval.
  [[nodiscard]] ReportBlock report(Ssrc ssrc, Instant now);

  /// Nothing has arrived: there is nothing to report on.
  [[nodiscard]] bool empty() const { return received_ == 0; }
  [[nodiscard]] std::uint64_t received() const { return received_; }
  /// Expected minus received; negative with duplicates.
  [[nodiscard]] std::int64_t lost() const;
  /// RTP timestamp units.
  [[nodiscard]] std::uint32_t jitter() const { return jitter_q4_ >> 4U; }

 private:
  [[nodiscard]] std::uint64_t expected() const {
    return received_ == 0 ? 0 : highest_.value() - first_.value() + 1;
  }
  void update_jitter(RtpTimestamp timestamp, Instant arrival);

  std::uint32_t clock_rate_;
  ExtendedSequence first_;
  ExtendedSequence highest_;
  std::uint64_t received_ = 0;
  std::uint64_t expected_at_report_ = 0;
  std::uint64_t received_at_report_ = 0;
  RtpTimestamp last_timestamp_;
  Instant last_arrival_;
  std::uint32_t jitter_q4_ = 0;  // 28.4 fixed point, as RFC 3550 A.8
  std::uint32_t last_sender_report_ = 0;
  Instant last_sender_report_at_;
};

}  // namespace meridian::rtcp
