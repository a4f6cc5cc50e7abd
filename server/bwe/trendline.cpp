#include "bwe/trendline.hpp"

#include <algorithm>
#include <cmath>

#include "bwe/packet_result.hpp"

namespace meridian::bwe {

void TrendlineDetector::reset() {
  *this = TrendlineDetector();
}

void TrendlineDetector::on_delta(const GroupDelta& delta, Instant received) {
  if (!has_first_) {
    has_first_ = true;
    first_ = received;
  }
  deltas_ = std::min(deltas_ + 1, kMaxDeltas);
  accumulated_ += milliseconds(delta.arrival - delta.send);
  smoothed_ = kSmoothing * smoothed_ + (1 - kSmoothing) * accumulated_;
  const double now = milliseconds(received - first_);
  points_[count_++ % kWindow] = {.time = now, .smooth = smoothed_};
  const double slope = count_ >= kWindow ? fit() : previous_slope_;
  detect(slope, milliseconds(delta.send), now);
}

double TrendlineDetector::fit() const {
  double mean_time = 0;
  double mean_delay = 0;
  for (const Point& point : points_) {
    mean_time += point.time / kWindow;
    mean_delay += point.smooth / kWindow;
  }
  double numerator = 0;
  double denominator = 0;
  for (const Point& point : points_) {
    numerator += (point.time - mean_time) * (point.smooth - mean_delay);
    denominator += (point.time - mean_time) * (point.time - mean_time);
  }
  return denominator > 0 ? numerator / denominator : previous_slope_;
}

void TrendlineDetector::detect(double slope, double send_delta, double now) {
  if (deltas_ < 2) {
    state_ = DelayState::kNormal;
    return;
  }
  const double trend = deltas_ * slope * kGain;
  if (trend > threshold_) {
    // The first time it is not known since when: half of the step.
    overusing_for_ = overusing_for_ < 0 ? send_delta / 2 : overusing_for_ + send_delta;
    ++overuses_;
    if (overusing_for_ > kOveruseTime && overuses_ > 1 && slope >= previous_slope_) {
      overusing_for_ = 0;
      overuses_ = 0;
      state_ = DelayState::kOveruse;
    }
  } else {
    overusing_for_ = -1;
    overuses_ = 0;
    state_ = trend < -threshold_ ? DelayState::kUnderuse : DelayState::kNormal;
  }
  previous_slope_ = slope;
  adapt(trend, now);
}

void TrendlineDetector::adapt(double trend, double now) {
  if (last_adapt_ < 0) {
    last_adapt_ = now;
  }
  const double size = std::abs(trend);
  if (size <= threshold_ + kMaxAdaptOffset) {
    const double gain = size < threshold_ ? kThresholdDown : kThresholdUp;
    const double step = std::min(now - last_adapt_, 100.0);
    threshold_ =
        std::clamp(threshold_ + gain * (size - threshold_) * step, kMinThreshold, kMaxThreshold);
  }
  last_adapt_ = now;
}

}  // namespace meridian::bwe
