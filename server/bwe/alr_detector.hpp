#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>

#include "base/rtp_types.hpp"
#include "base/time.hpp"
#include "bwe/packet_result.hpp"

namespace meridian::bwe {

/// Finds application-limited regions: times in which less is sent than the estimate allows, so that
/// what arrives says nothing about what the link could carry.
class AlrDetector {
 public:
  /// Part of the estimate whose use counts as full use.
  static constexpr double kUsage = 0.65;
  /// Part of half a second's budget that is unused at the start and at the end of a region.
  static constexpr double kStartLevel = 0.80;
  static constexpr double kStopLevel = 0.50;
  static constexpr Duration kWindow = 500ms;

  void set_estimate(Bitrate estimate) { rate_ = kUsage * to_double(estimate) / 8; }

  void on_sent(std::size_t bytes, Instant now) {
    advance(now);
    level_ -= static_cast<double>(bytes);
    level_ = std::max(level_, -budget());
    decide(now);
  }
  /// Without a packet for a while, too.
  void advance(Instant now) {
    if (has_started_ && now > last_) {
      level_ =
          std::min(level_ + rate_ * seconds(std::min<Duration>(now - last_, kWindow)), budget());
    }
    last_ = has_started_ ? std::max(last_, now) : now;
    has_started_ = true;
    decide(now);
  }
  /// Since when; nothing when what is sent tests the link.
  [[nodiscard]] std::optional<Instant> since() const { return since_; }
  [[nodiscard]] bool is_active() const { return since_.has_value(); }

 private:
  [[nodiscard]] double budget() const { return rate_ * seconds(kWindow); }
  void decide(Instant now) {
    const double level = budget() > 0 ? level_ / budget() : 0;
    if (!since_ && level > kStartLevel) {
      since_ = now;
    } else if (since_ && level < kStopLevel) {
      since_.reset();
    }
  }

  double rate_ = 0;   // bytes a second
  double level_ = 0;  // bytes that might have been sent and were not
  bool has_started_ = false;
  Instant last_;
  std::optional<Instant> since_;
};

}  // namespace meridian::bwe
