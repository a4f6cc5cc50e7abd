#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/time.hpp"
#include "bwe/inter_arrival.hpp"

namespace meridian::bwe {

enum class DelayState : std::uint8_t { kNormal, kUnderuse, kOveruse };

/// Whether the queues on the way are growing: the slope of the delay over the last groups of
/// packets against an adaptive threshold (draft-ietf-rmcat-gcc-02 section 5.4, with the trendline
/// filter that browsers use in place of the Kalman filter). Fixed memory.
class TrendlineDetector {
 public:
  static constexpr std::size_t kWindow = 20;
  static constexpr double kSmoothing = 0.9;
  static constexpr double kGain = 4;
  /// Deltas that count towards the certainty of a slope.
  static constexpr int kMaxDeltas = 60;
  static constexpr double kInitialThreshold = 12.5;  // ms
  static constexpr double kMinThreshold = 6;
  static constexpr double kMaxThreshold = 600;
  static constexpr double kThresholdUp = 0.0087;
  static constexpr double kThresholdDown = 0.039;
  /// A peak this far above the threshold does not raise it.
  static constexpr double kMaxAdaptOffset = 15;
  /// The delay must grow for this long before it counts as overuse.
  static constexpr double kOveruseTime = 10;  // ms

  /// `received`: when the later group was complete, on the peer's clock.
  void on_delta(const GroupDelta& delta, Instant received);
  void reset();

  [[nodiscard]] DelayState state() const { return state_; }
  /// Milliseconds of additional delay for each millisecond.
  [[nodiscard]] double slope() const { return previous_slope_; }
  [[nodiscard]] double threshold() const { return threshold_; }

 private:
  struct Point {
    double time = 0;    // ms since the first
    double smooth = 0;  // accumulated delay, smoothed, in ms
  };
  [[nodiscard]] double fit() const;
  void detect(double slope, double send_delta, double now);
  void adapt(double trend, double now);

  std::array<Point, kWindow> points_{};
  std::size_t count_ = 0;  // ever added
  int deltas_ = 0;
  bool has_first_ = false;
  Instant first_;
  double accumulated_ = 0;
  double smoothed_ = 0;
  double previous_slope_ = 0;
  double threshold_ = kInitialThreshold;
  double last_adapt_ = -1;
  double overusing_for_ = -1;
  int overuses_ = 0;
  DelayState state_ = DelayState::kNormal;
};

}  // namespace meridian::bwe
