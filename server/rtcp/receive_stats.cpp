#include "rtcp/receive_stats.hpp"

#include <algorithm>
#include <cstdlib>

namespace meridian::rtcp {
namespace {

/// `ticks` of a clock of `rate` Hz, for durations of less than two days. The parts are multiplied
/// apart, so that 64 bits suffice.
std::int64_t to_ticks(Duration duration, std::uint32_t rate) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  return duration.count() / kSecond * rate + duration.count() % kSecond * rate / kSecond;
}

}  // namespace

void ReceiveStats::on_packet(ExtendedSequence sequence, RtpTimestamp timestamp, Instant arrival) {
  if (received_++ == 0) {
    first_ = sequence;
  } else if (sequence <= highest_) {  // late or duplicate: says nothing about jitter
    first_ = std::min(first_, sequence);
    return;
  } else {
    update_jitter(timestamp, arrival);
  }
  highest_ = sequence;
  if (timestamp != last_timestamp_ || received_ == 1) {
    last_timestamp_ = timestamp;
    last_arrival_ = arrival;
  }
}

void ReceiveStats::update_jitter(RtpTimestamp timestamp, Instant arrival) {
  // Packets of one frame share a timestamp and are spread by the sender's pacer, not by the
  // network.
  if (timestamp == last_timestamp_) {
    return;
  }
  const std::int64_t elapsed = to_ticks(arrival - last_arrival_, clock_rate_);
  const std::int64_t sent = static_cast<std::int32_t>(timestamp.value() - last_timestamp_.value());
  const std::int64_t deviation = std::abs(elapsed - sent);
  // A jump of the timestamps (a new source behind the SSRC) is no jitter.
  if (deviation > std::int64_t{clock_rate_} * 5) {
    return;
  }
  const std::int64_t jitter = jitter_q4_;
  jitter_q4_ = static_cast<std::uint32_t>(jitter + deviation - ((jitter + 8) >> 4));
}

void ReceiveStats::on_sender_report(NtpTime ntp, Instant arrival) {
  last_sender_report_ = ntp.compact();
  last_sender_report_at_ = arrival;
}

std::int64_t ReceiveStats::lost() const {
  return static_cast<std::int64_t>(expected()) - static_cast<std::int64_t>(received_);
}

ReportBlock ReceiveStats::report(Ssrc ssrc, Instant now) {
  constexpr std::int64_t kMaxLost = 0x7fffff;
  const auto expected_interval = static_cast<std::int64_t>(expected() - expected_at_report_);
  const auto received_interval = static_cast<std::int64_t>(received_ - received_at_report_);
  const std::int64_t lost_interval = expected_interval - received_interval;
  expected_at_report_ = expected();
  received_at_report_ = received_;

  ReportBlock block;
  block.ssrc = ssrc;
  if (expected_interval > 0 && lost_interval > 0) {
    block.fraction_lost = static_cast<std::uint8_t>(
        std::min<std::int64_t>(lost_interval * 256 / expected_interval, 255));
  }
  block.cumulative_lost = static_cast<std::int32_t>(std::clamp(lost(), -kMaxLost - 1, kMaxLost));
  block.highest_sequence = static_cast<std::uint32_t>(highest_.value());
  block.jitter = jitter();
  if (last_sender_report_ != 0) {
    block.last_sender_report = last_sender_report_;
    const std::int64_t delay = to_ticks(std::max(now - last_sender_report_at_, Duration{}), 65536);
    block.delay_since_last = static_cast<std::uint32_t>(std::min<std::int64_t>(delay, UINT32_MAX));
  }
  return block;
}

}  // namespace meridian::rtcp
