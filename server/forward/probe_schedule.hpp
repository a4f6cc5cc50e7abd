#pragma once

#include <algorithm>
#include <cstddef>

#include "base/time.hpp"
#include "bwe/packet_result.hpp"
#include "bwe/probe_estimator.hpp"

namespace meridian::forward {

/// Spreads a probe over its length. A worker's clock ticks every few milliseconds, so a probe
/// leaves in a few portions; its last packet leaves at its end, since the time from the first
/// packet to the last is what the rate is measured over. Pure arithmetic.
class ProbeSchedule {
 public:
  /// A portion is as much as the probe's rate fills in this time: that of a worker's tick.
  static constexpr Duration kPortion = 10ms;

  /// The probe leaves in packets of `packet` bytes.
  void begin(const bwe::Probe& probe, std::size_t packet, Instant now) {
    probe_ = probe;
    packet_ = packet;
    whole_ = std::max(probe.bytes, probe.packets * packet);
    sent_ = 0;
    began_ = now;
    ends_ = now + Duration(static_cast<Duration::rep>(static_cast<double>(whole_) * 8e9 /
                                                      std::max(bwe::to_double(probe.rate), 1.0)));
    is_active_ = true;
  }
  [[nodiscard]] bool is_active() const { return is_active_; }
  [[nodiscard]] bwe::ProbeCluster cluster() const { return probe_.cluster; }
  void on_sent(std::size_t bytes) { sent_ += bytes; }
  /// Nothing more can be sent.
  void stop() { is_active_ = false; }

  /// Bytes that are to leave now; the last ones end the probe.
  [[nodiscard]] std::size_t take_due(Instant now) {
    if (!is_active_) {
      return 0;
    }
    if (now >= ends_) {
      is_active_ = false;
      return std::max(whole_, sent_ + packet_) - sent_;  // media may have filled it already
    }
    const double portion =
        bwe::to_double(probe_.rate) * bwe::seconds(now - began_ + kPortion) / 8.0;
    const std::size_t until = std::min(static_cast<std::size_t>(portion), whole_ - packet_);
    return until > sent_ ? until - sent_ : 0;
  }

 private:
  bwe::Probe probe_;
  std::size_t packet_ = 0;
  std::size_t whole_ = 0;
  std::size_t sent_ = 0;
  Instant began_;
  Instant ends_;
  bool is_active_ = false;
};

}  // namespace meridian::forward
