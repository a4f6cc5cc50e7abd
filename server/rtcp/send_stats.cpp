#include "rtcp/send_stats.hpp"

#include <algorithm>

namespace meridian::rtcp {

SenderReport SendStats::report(Ssrc ssrc, const SourceClock& source, std::uint32_t timestamp_offset,
                               Instant now) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  const Duration elapsed = std::max(now - source.arrival, Duration{});
  const std::int64_t rate = source.clock_rate;
  const std::int64_t ticks =
      elapsed.count() / kSecond * rate + elapsed.count() % kSecond * rate / kSecond;

  SenderReport report;
  report.sender = ssrc;
  report.ntp = source.ntp.plus(elapsed);
  report.rtp =
      RtpTimestamp(source.rtp.value() + timestamp_offset + static_cast<std::uint32_t>(ticks));
  report.packets = packets_;
  report.octets = octets_;
  sent_[next_] = {report.ntp.compact(), now};
  next_ = (next_ + 1) % kRemembered;
  return report;
}

std::optional<Duration> SendStats::on_report_block(const ReportBlock& block, Instant now) const {
  if (block.last_sender_report == 0) {
    return std::nullopt;
  }
  const auto sent = std::ranges::find_if(sent_, [&](const Sent& candidate) {
    return !candidate.at.is_never() && candidate.compact == block.last_sender_report;
  });
  if (sent == sent_.end()) {
    return std::nullopt;
  }
  const auto held = Duration(
      static_cast<std::int64_t>((std::uint64_t{block.delay_since_last} * 1'000'000'000U) >> 16U));
  const Duration round_trip = now - sent->at - held;
  if (round_trip > kMaxRoundTrip) {
    return std::nullopt;
  }
  return std::max(round_trip, kMinRoundTrip);
}

}  // namespace meridian::rtcp
