#include "bwe/aimd_control.hpp"

#include <algorithm>
#include <cmath>

#include "bwe/packet_result.hpp"

namespace meridian::bwe {

// ---- LinkCapacity -------------------------------------------------------------------------------

void LinkCapacity::update(double sample, double weight) {
  mean_ = mean_ ? (1 - weight) * *mean_ + weight * sample : sample;
  const double error = *mean_ - sample;
  variance_ = (1 - weight) * variance_ + weight * error * error / std::max(*mean_, 1.0);
  variance_ = std::clamp(variance_, 0.4, 2.5);  // 0.4: 14 kbit/s at 500 kbit/s
}

double LinkCapacity::spread() const {
  return 3 * std::sqrt(variance_ * *mean_);
}

Bitrate LinkCapacity::estimate() const {
  return to_bitrate(mean_.value_or(0) * 1000);
}

Bitrate LinkCapacity::upper_bound() const {
  return mean_ ? to_bitrate((*mean_ + spread()) * 1000) : Bitrate(UINT64_MAX);
}

Bitrate LinkCapacity::lower_bound() const {
  return mean_ ? to_bitrate((*mean_ - spread()) * 1000) : Bitrate(0);
}

// ---- AimdControl --------------------------------------------------------------------------------

AimdControl::AimdControl(Bitrate start, Bitrate min, Bitrate max)
    : min_(min), max_(max), current_(start), acknowledged_(start) {}

void AimdControl::set(double rate) {
  current_ = std::clamp(to_bitrate(rate), min_, max_);
}

void AimdControl::set_estimate(Bitrate rate, Instant now) {
  set(to_double(rate));
  last_change_ = now;
}

bool AimdControl::may_decrease_again(Bitrate acknowledged, Instant now) const {
  if (last_change_.is_never()) {
    return true;
  }
  const Duration wait = std::clamp<Duration>(round_trip_, 10ms, 200ms);
  return now - last_change_ >= wait || acknowledged.value() < current_.value() / 2;
}

double AimdControl::additive_step(Duration elapsed) const {
  constexpr double kPacketBits = 1200 * 8;
  const double frame_bits = to_double(current_) / 30;
  const double packets = std::max(std::ceil(frame_bits / kPacketBits), 1.0);
  // The detector takes about 100 ms; twice the response time, so that one step is seen before the
  // next.
  const double response = 2 * (seconds(round_trip_) + 0.1);
  const double each_second = std::max(frame_bits / packets / response, 4000.0);
  return each_second * seconds(elapsed);
}

double AimdControl::increased(Bitrate acknowledged, Instant now) {
  if (acknowledged > capacity_.upper_bound()) {
    capacity_.reset();
  }
  const double now_rate = to_double(current_);
  // Far above what is sent the estimate would be a guess.
  const double limit = is_in_alr_ ? now_rate : trusted_ * to_double(acknowledged) + 10'000;
  if (now_rate >= limit) {
    return now_rate;
  }
  const Duration elapsed =
      last_change_.is_never() ? 1s : std::clamp<Duration>(now - last_change_, 0s, 1s);
  const double step = capacity_.is_known()
                          ? additive_step(elapsed)
                          : std::max(now_rate * (std::pow(kIncrease, seconds(elapsed)) - 1),
                                     1000 * seconds(elapsed));
  return std::min(now_rate + step, limit);
}

double AimdControl::decreased(Bitrate acknowledged) {
  double target = kBackoff * to_double(acknowledged) - 5000;
  if (target > to_double(current_) && capacity_.is_known()) {
    target = kBackoff * to_double(capacity_.estimate());
  }
  if (acknowledged < capacity_.lower_bound()) {
    capacity_.reset();
  }
  capacity_.on_overuse(acknowledged);
  return std::min(target, to_double(current_));
}

Bitrate AimdControl::update(DelayState state, std::optional<Bitrate> acknowledged, Instant now) {
  acknowledged_ = acknowledged.value_or(acknowledged_);
  switch (state) {
    case DelayState::kOveruse:
      set(decreased(acknowledged_));
      phase_ = Phase::kHold;  // until the queue is empty
      last_change_ = now;
      break;
    case DelayState::kUnderuse:
      phase_ = Phase::kHold;
      break;
    case DelayState::kNormal:
      if (phase_ == Phase::kHold) {
        phase_ = Phase::kIncrease;
        last_change_ = now;
      }
      set(increased(acknowledged_, now));
      last_change_ = now;
      break;
  }
  return current_;
}

}  // namespace meridian::bwe
