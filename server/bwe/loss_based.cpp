#include "bwe/loss_based.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace meridian::bwe {
namespace {

constexpr double kTemporalWeight = 0.9;
constexpr double kLowestInherentLoss = 1e-3;
constexpr double kFirstInherentLoss = 0.01;
/// A bandwidth b may be explained by a loss of up to 5 % + 100 kbit/s / b that the link has anyway.
constexpr double kInherentLossOffset = 0.05;
constexpr double kInherentLossBalance = 100'000;
constexpr double kNewtonStep = 0.75;
/// Of two explanations that are equally good the one with more bandwidth is taken.
constexpr double kBias = 0.0002;
constexpr double kLogBias = 0.02;
constexpr double kBiasLossThreshold = 0.15;
constexpr double kBiasSmoothing = 0.002;
constexpr std::array<double, 3> kFactors = {1.02, 1.0, 0.95};
/// While losses limit, the estimate grows by at most this in each window.
constexpr double kMaxIncrease = 1.3;
constexpr Duration kIncreaseWindow = 1s;
/// Above this average loss the bandwidth is at most kInstantBalance / (loss - kInstantOffset).
constexpr double kInstantOffset = 0.05;
constexpr double kInstantBalance = 100'000;

}  // namespace

template <class Visit>
void LossBasedEstimator::each(Visit visit) const {
  static const std::array<double, kObservations> kWeights = [] {
    std::array<double, kObservations> weights{};
    for (std::size_t age = 0; age < weights.size(); ++age) {
      weights[age] = std::pow(kTemporalWeight, static_cast<double>(age));
    }
    return weights;
  }();
  const std::size_t kept = std::min(count_, kObservations);
  for (std::size_t age = 0; age < kept; ++age) {
    visit(observations_[(count_ - 1 - age) % kObservations], kWeights[age]);
  }
}

void LossBasedEstimator::count(const PacketResult& packet) {
  InherentLoss::Sample& sum = partial_.sum;
  if (packet.is_found()) {  // what was counted too much is taken off again, maybe later
    sum.lost -= 1;
    sum.lost_bytes -= packet.sent.size;
    return;
  }
  sum.packets += 1;
  sum.bytes += packet.sent.size;
  sum.lost += packet.is_lost() ? 1 : 0;
  sum.lost_bytes += packet.is_lost() ? packet.sent.size : 0;
  partial_.first = std::min(partial_.first, packet.sent.sent_at);
  partial_.last = std::max(partial_.last, packet.sent.sent_at);
}

bool LossBasedEstimator::observe(std::span<const PacketResult> packets) {
  for (const PacketResult& packet : packets) {
    count(packet);
  }
  if (partial_.first.is_never() || partial_.last - partial_.first < kObservationTime) {
    return false;
  }
  partial_.sum.time = partial_.last - partial_.first;
  inherent_.add(partial_.sum);
  observations_[count_++ % kObservations] = {
      .bytes = partial_.sum.bytes,
      .lost_bytes = excess(partial_.sum),
      .rate = rate_of(partial_.sum.bytes, partial_.sum.time)};
  last_sent_ = partial_.last;
  partial_ = {};
  return true;
}

/// Bytes that were lost beyond what the way always loses. By chance it is now less, now more: what
/// was saved by chance is left for the next time.
double LossBasedEstimator::excess(const InherentLoss::Sample& sample) {
  const double inherent = inherent_.value();
  const double expected = inherent * sample.bytes;
  const double excess = sample.lost_bytes + carried_ - expected;
  carried_ = std::clamp(excess, -std::max(expected, sample.bytes / 2), 0.0);
  return std::clamp(excess / (1 - inherent), 0.0, sample.bytes);
}

/// With more than three observations the best and the worst one are left out: one burst of losses
/// is not yet a lossy link.
double LossBasedEstimator::weighted_loss() const {
  double bytes = 0;
  double lost = 0;
  Observation lowest{.bytes = 0, .lost_bytes = 0, .rate = 2};
  Observation highest{.bytes = 0, .lost_bytes = 0, .rate = -1};
  each([&](const Observation& observation, double w) {
    bytes += w * observation.bytes;
    lost += w * observation.lost_bytes;
    const double loss = observation.bytes > 0 ? observation.lost_bytes / observation.bytes : 0;
    const Observation weighted{
        .bytes = w * observation.bytes, .lost_bytes = w * observation.lost_bytes, .rate = loss};
    lowest = loss < lowest.rate ? weighted : lowest;
    highest = loss > highest.rate ? weighted : highest;
  });
  if (count_ > kMinObservations) {
    bytes -= lowest.bytes + highest.bytes;
    lost -= lowest.lost_bytes + highest.lost_bytes;
  }
  return bytes > 0 ? std::clamp(lost / bytes, 0.0, 1.0) : 0;
}

double LossBasedEstimator::loss_probability(const Candidate& candidate, double rate) {
  double loss = std::clamp(candidate.inherent_loss, 0.0, 1.0);
  if (rate > candidate.bandwidth) {
    loss += (1 - loss) * (rate - candidate.bandwidth) / rate;
  }
  return std::clamp(loss, 1e-6, 1 - 1e-6);
}

double LossBasedEstimator::highest_inherent_loss(double bandwidth) {
  return std::min(1.0, kInherentLossOffset + kInherentLossBalance / std::max(bandwidth, 1.0));
}

/// One step of Newton's method towards the inherent loss that explains best what was observed.
void LossBasedEstimator::improve(Candidate& candidate) const {
  double first = 0;
  double second = 0;
  each([&](const Observation& observation, double w) {
    const double loss = loss_probability(candidate, observation.rate);
    const double received = observation.bytes - observation.lost_bytes;
    first += w * (observation.lost_bytes / loss - received / (1 - loss));
    second -= w * (observation.lost_bytes / (loss * loss) + received / ((1 - loss) * (1 - loss)));
  });
  if (second < 0) {
    candidate.inherent_loss -= kNewtonStep * first / second;
  }
  candidate.inherent_loss = std::clamp(candidate.inherent_loss, kLowestInherentLoss,
                                       highest_inherent_loss(candidate.bandwidth));
}

double LossBasedEstimator::bias(double bandwidth) const {
  const double distance = kBiasLossThreshold - average_loss_;
  const double adjust = distance / (kBiasSmoothing + std::abs(distance));
  const double kbps = bandwidth / 1000;
  return adjust * (kBias * kbps + kLogBias * std::log(1 + kbps));
}

double LossBasedEstimator::objective(const Candidate& candidate) const {
  const double preference = bias(candidate.bandwidth);
  double sum = 0;
  each([&](const Observation& observation, double w) {
    const double loss = loss_probability(candidate, observation.rate);
    const double kilobytes = observation.bytes / 1000;
    const double lost = observation.lost_bytes / 1000;
    sum += w * (lost * std::log(loss) + (kilobytes - lost) * std::log(1 - loss));
    sum += w * preference * kilobytes;
  });
  return sum;
}

LossBasedEstimator::Candidate LossBasedEstimator::best(std::optional<double> acknowledged,
                                                       bool is_in_alr) const {
  std::array<double, kFactors.size() + 2> bandwidths{};
  std::size_t size = 0;
  for (const double factor : kFactors) {
    bandwidths[size++] = factor * current_->bandwidth;
  }
  if (acknowledged && !is_in_alr) {
    bandwidths[size++] = *acknowledged;
  }
  if (delay_based_ > current_->bandwidth) {
    bandwidths[size++] = delay_based_;
  }
  const double top = state_ != State::kDelayBased && window_limit_ > 0
                         ? std::max(current_->bandwidth, window_limit_)
                         : to_double(max_);
  Candidate best = *current_;
  double highest = -std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < size; ++i) {
    Candidate candidate{.inherent_loss = current_->inherent_loss,
                        .bandwidth = std::min(bandwidths[i], top)};
    candidate.inherent_loss =
        std::min(candidate.inherent_loss, highest_inherent_loss(candidate.bandwidth));
    improve(candidate);
    if (const double value = objective(candidate); value > highest) {
      highest = value;
      best = candidate;
    }
  }
  return best;
}

double LossBasedEstimator::instant_upper_bound() const {
  if (average_loss_ <= kInstantOffset) {
    return to_double(max_);
  }
  return kInstantBalance / (average_loss_ - kInstantOffset);
}

void LossBasedEstimator::limit_increase(Candidate& candidate) const {
  if (average_loss_ > candidate.inherent_loss && candidate.bandwidth > current_->bandwidth) {
    candidate.bandwidth = current_->bandwidth;  // losses that nothing explains
  }
  if (state_ == State::kDelayBased) {
    return;
  }
  const bool is_in_window =
      !window_began_.is_never() && window_began_ + kIncreaseWindow > last_sent_;
  if (is_in_window && candidate.bandwidth > window_limit_) {
    candidate.bandwidth = std::max(window_limit_, current_->bandwidth);
  }
}

void LossBasedEstimator::follow(double bounded) {
  if (bounded >= delay_based_ || bounded >= to_double(max_)) {
    state_ = State::kDelayBased;
  } else if (state_ != State::kDelayBased && bounded > result_) {
    state_ = State::kIncreasing;
  } else if (state_ == State::kDelayBased || bounded < result_) {
    state_ = State::kDecreasing;
  }
  result_ = bounded;
  if (state_ == State::kDelayBased) {
    window_began_ = Instant::never();
  } else if (window_began_.is_never() || window_began_ + kIncreaseWindow < last_sent_) {
    window_limit_ = std::max(to_double(min_), current_->bandwidth * kMaxIncrease);
    window_began_ = last_sent_;
  }
}

void LossBasedEstimator::update(std::span<const PacketResult> packets, Bitrate delay_based,
                                std::optional<Bitrate> acknowledged, bool is_in_alr) {
  delay_based_ = to_double(delay_based);
  if (!observe(packets)) {
    return;
  }
  if (!current_) {
    current_ = Candidate{.inherent_loss = kFirstInherentLoss, .bandwidth = delay_based_};
    result_ = delay_based_;
  }
  average_loss_ = weighted_loss();
  if (count_ < kMinObservations) {
    return;
  }
  const auto rate = acknowledged ? std::optional(to_double(*acknowledged)) : std::nullopt;
  Candidate candidate = best(rate, is_in_alr);
  limit_increase(candidate);
  // However much gets lost of more: what goes through isn't too much.
  const double through = std::min(rate.value_or(0), delay_based_);
  candidate.bandwidth = std::max(candidate.bandwidth, through);
  const double upper = std::max(instant_upper_bound(), through);
  const double bounded =
      std::max(to_double(min_), std::min({candidate.bandwidth, upper, delay_based_}));
  if (bounded < candidate.bandwidth) {
    candidate = {.inherent_loss = 0, .bandwidth = bounded};
  }
  current_ = candidate;
  follow(bounded);
}

void LossBasedEstimator::on_probe(Bitrate rate, Bitrate delay_based) {
  delay_based_ = to_double(delay_based);
  if (state_ == State::kDelayBased || to_double(rate) <= result_) {
    return;
  }
  count_ = 0;
  partial_ = {};
  current_ = Candidate{.inherent_loss = kFirstInherentLoss, .bandwidth = to_double(rate)};
  follow(std::min(to_double(rate), delay_based_));
  window_limit_ = to_double(rate) * kMaxIncrease;
}

std::optional<Bitrate> LossBasedEstimator::estimate() const {
  if (state_ != State::kDelayBased) {
    return to_bitrate(std::min(result_, delay_based_));
  }
  return count_ < kMinObservations ? std::nullopt : std::optional(to_bitrate(delay_based_));
}

}  // namespace meridian::bwe
