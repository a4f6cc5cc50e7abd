#pragma once

#include <algorithm>
#include <optional>

#include "base/rtp_types.hpp"
#include "base/time.hpp"

namespace meridian::bwe {

/// The last bandwidth that one subscriber claimed (REMB). A claim is the subscriber's word and can
/// be anything: it is clamped, and affects only that subscriber.
class RembEstimate {
 public:
  /// Below this not even audio gets through; a lower claim is a mistake or a lie.
  static constexpr Bitrate kMin = Bitrate(30'000);
  /// Browsers repeat REMB each second; silence for this long means that it no longer holds.
  static constexpr Duration kLifetime = 10s;

  /// `max` at least kMin: what the node ever sends to one subscriber.
  explicit RembEstimate(Bitrate max) : max_(std::max(max, kMin)) {}

  void on_remb(Bitrate claimed, Instant now) {
    estimate_ = std::clamp(claimed, kMin, max_);
    received_at_ = now;
  }

  /// Nothing when there is no recent claim.
  [[nodiscard]] std::optional<Bitrate> estimate(Instant now) const {
    return estimate_ && now - received_at_ <= kLifetime ? estimate_ : std::nullopt;
  }

 private:
  Bitrate max_;
  std::optional<Bitrate> estimate_;
  Instant received_at_;
};

}  // namespace meridian::bwe
