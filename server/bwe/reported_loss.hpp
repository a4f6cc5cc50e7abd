#pragma once

#include <algorithm>

#include "base/rtp_types.hpp"
#include "base/time.hpp"
#include "bwe/packet_result.hpp"

namespace meridian::bwe {

/// For a subscriber without transport-wide feedback: the estimate follows the loss that its
/// receiver reports tell (draft-ietf-rmcat-gcc-02 section 6): up by 8 % a second below 2 %, down by
/// half of the loss above 10 %. What it claims by REMB is a ceiling that the caller applies.
class ReportedLossEstimator {
 public:
  static constexpr double kLowLoss = 0.02;
  static constexpr double kHighLoss = 0.10;
  static constexpr double kIncrease = 1.08;
  static constexpr Duration kDecreaseInterval = 300ms;

  ReportedLossEstimator(Bitrate start, Bitrate min, Bitrate max)
      : min_(min), max_(max), estimate_(start) {}

  /// `loss` 0 to 1 since the last report; `sent` is the rate that caused it.
  void on_report(double loss, Bitrate sent, Duration round_trip, Instant now) {
    const double rate = to_double(estimate_);
    if (loss <= kLowLoss) {
      if (now - last_increase_ >= 1s) {
        last_increase_ = now;
        // Not above what was tried.
        const double limit = std::max(rate, 2 * to_double(sent) + 20'000);
        set(std::min(rate * kIncrease + 1000, limit));
      }
    } else if (loss > kHighLoss && now - last_decrease_ >= kDecreaseInterval + round_trip) {
      last_decrease_ = now;
      set(rate * (1 - 0.5 * loss));
    }
  }
  /// What the receiver claims by REMB, at the start: the only way to be quick there.
  void raise(Bitrate claimed) {
    if (last_decrease_ == Instant{}) {
      set(std::max(to_double(estimate_), to_double(claimed)));
    }
  }
  [[nodiscard]] Bitrate estimate() const { return estimate_; }

 private:
  void set(double rate) { estimate_ = std::clamp(to_bitrate(rate), min_, max_); }

  Bitrate min_;
  Bitrate max_;
  Bitrate estimate_;
  Instant last_increase_;
  Instant last_decrease_;
};

}  // namespace meridian::bwe
