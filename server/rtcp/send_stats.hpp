#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/rtp_types.hpp"
#include "base/time.hpp"
#include "rtcp/packet.hpp"

namespace meridian::rtcp {

/// A publisher's latest sender report and when it came: the only tie between its RTP timestamps and
/// its wall clock.
struct SourceClock {
  NtpTime ntp;
  RtpTimestamp rtp;
  Instant arrival;
  std::uint32_t clock_rate = 90000;
};

/// What one sent SSRC's sender reports are made of, and the round trip that its receiver's reports
/// tell.
class SendStats {
 public:
  /// Reports within this are believed; anything longer is a broken or lying peer.
  static constexpr Duration kMaxRoundTrip = 10s;
  /// Resolution of DLSR; a round trip is never shorter.
  static constexpr Duration kMinRoundTrip = Duration(1'000'000'000 / 65536);

  /// `payload` in bytes, header and padding excluded (RFC 3550 section 6.4.1).
  void on_packet(std::size_t payload) {
    ++packets_;
    octets_ += static_cast<std::uint32_t>(payload);
  }

  /// The publisher's report, moved to `now` and to the subscriber's timestamps: both clocks advance
  /// by the same time, so tracks of one publisher stay in sync whenever their reports came.
  /// `timestamp_offset` is what the rewriter adds to the publisher's timestamps (modulo 2^32).
  [[nodiscard]] SenderReport report(Ssrc ssrc, const SourceClock& source,
                                    std::uint32_t timestamp_offset, Instant now);

  /// Round trip from a receiver's block about this SSRC; nothing when the block refers to no report
  /// that was sent (a made-up or future LSR), or is older than kMaxRoundTrip. A DLSR longer than
  /// the time since that report gives kMinRoundTrip.
  [[nodiscard]] std::optional<Duration> on_report_block(const ReportBlock& block,
                                                        Instant now) const;

  [[nodiscard]] std::uint32_t packets() const { return packets_; }
  [[nodiscard]] std::uint32_t octets() const { return octets_; }

 private:
  /// How many sent reports are remembered: receivers refer to the latest that reached them.
  static constexpr std::size_t kRemembered = 8;
  struct Sent {
    std::uint32_t compact = 0;
    Instant at = Instant::never();
  };

  std::uint32_t packets_ = 0;
  std::uint32_t octets_ = 0;
  std::array<Sent, kRemembered> sent_{};
  std::size_t next_ = 0;
};

}  // namespace meridian::rtcp
