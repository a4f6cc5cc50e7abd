#pragma once

#include <array>
#include <cstddef>

#include "base/time.hpp"

namespace meridian::bwe {

/// The part of what is sent that a way loses whatever is sent, such as a wireless link: losses that
/// take as much of little as of much, so that proportionally more arrives when more is sent. Where
/// a link is full no more arrives, and nothing is taken for inherent. Fixed memory.
class InherentLoss {
 public:
  /// What is remembered; about as many seconds.
  static constexpr std::size_t kSlots = 16;
  static constexpr Duration kSlotTime = 1s;
  /// Fewer packets say nothing.
  static constexpr double kMinPackets = 25;
  /// Two rates at which losses can be compared differ at least by this factor,
  static constexpr double kRateRatio = 1.3;
  /// and so much of that difference must have arrived.
  static constexpr double kArrived = 0.9;
  /// More than this is never explained: then the way is broken.
  static constexpr double kMax = 0.5;
  /// Up to this factor of the rate at which it was seen a loss may be followed as it drifts.
  static constexpr double kProven = 1.1;

  /// Packets that were sent in `time` (> 0), and what was lost of them.
  struct Sample {
    double packets = 0;
    double lost = 0;
    double bytes = 0;
    double lost_bytes = 0;
    Duration time{};
  };
  void add(const Sample& sample);
  /// 0 to kMax.
  [[nodiscard]] double value() const { return value_; }
  /// What is sent at `rate` when `rate * (1 - value())` arrives.
  [[nodiscard]] double sent_rate(double arrived) const { return arrived / (1 - value_); }

 private:
  static void merge(Sample& sum, const Sample& sample);
  void take(const Sample& slot);
  void compare(const Sample& slot);

  std::array<Sample, kSlots> slots_{};
  std::size_t count_ = 0;  // ever made
  Sample partial_;
  double value_ = 0;
  double proven_rate_ = 0;  // bytes a second
};

}  // namespace meridian::bwe
