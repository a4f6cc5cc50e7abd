#include "bwe/probe_controller.hpp"

#include <algorithm>

#include "bwe/packet_result.hpp"

namespace meridian::bwe {

void ProbeController::on_estimate(Bitrate estimate, Instant now) {
  if (to_double(estimate) < kLargeDrop * to_double(estimate_)) {
    before_drop_ = estimate_;
    dropped_at_ = now;
  }
  estimate_ = estimate;
}

void ProbeController::on_result(Bitrate rate, Instant now) {
  const bool has_passed = to_double(rate) >= kSuccess * last_rate_;
  if (phase_ == Phase::kSteady) {
    if (is_waiting_ && to_double(rate) >= std::min(to_double(wanted_), kAll * last_rate_)) {
      is_waiting_ = false;
      interval_ = kInterval;
      next_ = now + kNextStep;
    } else if (is_waiting_ && has_passed) {
      fail(now);  // that is all that the way carries
    }
    return;
  }
  if (has_passed) {
    interval_ = kInterval;
    phase_ = Phase::kRamp;
    ramp_to_ = kNextFactor * to_double(rate);
  }
}

void ProbeController::fail(Instant now) {
  is_waiting_ = false;
  next_ = now + interval_;
  interval_ = std::min<Duration>(interval_ * 3 / 2, kMaxInterval);
}

void ProbeController::lose(Instant now) {
  fail(now);
  if (inherent_loss_ > kLossyWay) {
    next_ = now + kLostInterval;
  }
}

void ProbeController::on_overuse(Instant now) {
  ramp_to_.reset();
  if (is_waiting_ && phase_ == Phase::kSteady) {
    fail(now);
  }
  if (phase_ != Phase::kStart) {
    phase_ = Phase::kSteady;
  }
  next_ = std::max(next_, now + kInterval);
  overused_at_ = now;
}

std::optional<Probe> ProbeController::make(double rate, Instant now) {
  rate = std::min(rate, to_double(max_));
  last_rate_ = rate;
  sent_at_ = now;
  is_waiting_ = true;
  last_cluster_ = static_cast<ProbeCluster>(last_cluster_ + 1);
  last_cluster_ += last_cluster_ == kNoCluster ? 1 : 0;
  return Probe{.cluster = last_cluster_,
               .rate = to_bitrate(rate),
               .bytes = static_cast<std::size_t>(rate * seconds(kProbeLength) / 8),
               .packets = kMinPackets};
}

std::optional<Probe> ProbeController::poll_start(Instant now) {
  if (is_waiting_ && now - sent_at_ > kResultTime) {
    phase_ = Phase::kSteady;
    lose(now);
    return std::nullopt;
  }
  const double limit = kHeadroom * to_double(wanted_);
  const auto step = [&](double rate) { return make(std::min(rate, limit), now); };
  if (phase_ == Phase::kStart && !is_waiting_) {
    return step(kFirstFactor * to_double(estimate_));
  }
  if (phase_ == Phase::kStart && !has_second_) {
    has_second_ = true;
    return last_rate_ < limit ? step(kSecondFactor * last_rate_) : std::nullopt;
  }
  if (ramp_to_ && phase_ == Phase::kRamp) {
    ramp_to_.reset();
    if (last_rate_ >= limit || to_double(estimate_) >= limit) {
      phase_ = Phase::kSteady;
      is_waiting_ = false;
      next_ = now + kNextStep;
      return std::nullopt;
    }
    return step(std::max(kNextFactor * to_double(estimate_), last_rate_));
  }
  return std::nullopt;
}

std::optional<Probe> ProbeController::poll_steady(Instant now) {
  if (is_waiting_) {
    if (now - sent_at_ > kResultTime) {
      lose(now);
    }
    return std::nullopt;
  }
  if (!dropped_at_.is_never() && now - dropped_at_ > kRecoveryTime / 2) {
    const double before = kRecoveryFactor * to_double(before_drop_);
    dropped_at_ = Instant::never();
    if (before > to_double(estimate_)) {
      return make(std::min(before, kHeadroom * to_double(wanted_)), now);
    }
  }
  if (now < next_) {
    return std::nullopt;
  }
  // One step at a time: a probe far above the estimate fills the queue and helps nobody.
  return make(std::min(kHeadroom * to_double(wanted_), kNextFactor * to_double(estimate_)), now);
}

/// Nobody sees anything: so small a probe as shows that somebody could delays nothing.
std::optional<Probe> ProbeController::poll_bare(Instant now) {
  phase_ = Phase::kSteady;
  if (wanted_ == Bitrate(0) ||
      now < std::max(sent_at_ + bare_interval_, overused_at_ + kBareCalm)) {
    return std::nullopt;
  }
  bare_interval_ = std::min<Duration>(bare_interval_ * 5 / 4, kMaxInterval);
  return make(kHeadroom * to_double(wanted_), now);
}

std::optional<Probe> ProbeController::poll(Instant now) {
  if (need_ == Need::kAnything) {
    return poll_bare(now);
  }
  if (wanted_ <= estimate_) {
    if (is_waiting_ && now - sent_at_ > kResultTime) {
      is_waiting_ = false;
      phase_ = Phase::kSteady;
    }
    return std::nullopt;
  }
  return phase_ == Phase::kSteady ? poll_steady(now) : poll_start(now);
}

}  // namespace meridian::bwe
