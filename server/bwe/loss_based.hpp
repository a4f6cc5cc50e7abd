#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/rtp_types.hpp"
#include "base/time.hpp"
#include "bwe/inherent_loss.hpp"
#include "bwe/packet_result.hpp"

namespace meridian::bwe {

/// The second loss-based estimator of current browsers. It explains the losses of the last
/// observations by two things at once, losses that the link has anyway (wireless) and losses of
/// what is sent above the bandwidth, and takes the pair of both that explains them best. Browsers
/// never explain more than a few per cent by the link; here whatever was seen to be lost of little
/// and of much alike (InherentLoss) is taken off before. So neither 10 % nor 30 % of random loss
/// bring the rate down, and a full queue does. Fixed memory.
class LossBasedEstimator {
 public:
  static constexpr std::size_t kObservations = 15;
  static constexpr Duration kObservationTime = 250ms;
  static constexpr std::size_t kMinObservations = 3;

  LossBasedEstimator(Bitrate min, Bitrate max) : min_(min), max_(max) {}

  enum class State : std::uint8_t { kDelayBased, kDecreasing, kIncreasing };

  /// What a feedback says. `delay_based` is the estimate of the delay detector.
  /// `acknowledged`: what goes through, below which losses bring nothing.
  void update(std::span<const PacketResult> packets, Bitrate delay_based,
              std::optional<Bitrate> acknowledged, bool is_in_alr);
  /// A probe went through at this rate. Where losses have left less of the estimate, what they were
  /// observed on is a way that isn't there any more: without this an estimate at which nothing is
  /// sent would never be tried again, since nothing is observed at it.
  void on_probe(Bitrate rate, Bitrate delay_based);
  /// The delay-based estimate, or what losses leave of it; nothing before enough is known.
  [[nodiscard]] std::optional<Bitrate> estimate() const;
  [[nodiscard]] State state() const { return state_; }
  /// Of the last observations, weighted by age, by bytes.
  [[nodiscard]] double average_loss() const {
    return inherent_.value() + (1 - inherent_.value()) * average_loss_;
  }
  [[nodiscard]] const InherentLoss& inherent() const { return inherent_; }

 private:
  struct Observation {
    double bytes = 0;
    double lost_bytes = 0;  // beyond the inherent loss
    double rate = 0;        // bit/s that was sent
  };
  struct Candidate {
    double inherent_loss = 0;
    double bandwidth = 0;
  };
  struct Partial {
    InherentLoss::Sample sum;
    Instant first = Instant::never();
    Instant last;
  };

  [[nodiscard]] bool observe(std::span<const PacketResult> packets);
  void count(const PacketResult& packet);
  [[nodiscard]] double excess(const InherentLoss::Sample& sample);
  [[nodiscard]] double weighted_loss() const;
  template <class Visit>
  void each(Visit visit) const;
  [[nodiscard]] static double loss_probability(const Candidate& candidate, double rate);
  [[nodiscard]] static double highest_inherent_loss(double bandwidth);
  [[nodiscard]] double bias(double bandwidth) const;
  void improve(Candidate& candidate) const;
  [[nodiscard]] double objective(const Candidate& candidate) const;
  [[nodiscard]] Candidate best(std::optional<double> acknowledged, bool is_in_alr) const;
  [[nodiscard]] double instant_upper_bound() const;
  void limit_increase(Candidate& candidate) const;
  void follow(double bounded);

  Bitrate min_;
  Bitrate max_;
  std::array<Observation, kObservations> observations_{};
  std::size_t count_ = 0;  // ever made
  Partial partial_;
  InherentLoss inherent_;
  double carried_ = 0;  // bytes that were expected to be lost and were not; 0 or less
  std::optional<Candidate> current_;
  double delay_based_ = 0;
  double average_loss_ = 0;  // beyond the inherent one
  double result_ = 0;
  State state_ = State::kDelayBased;
  Instant last_sent_;
  Instant window_began_ = Instant::never();
  double window_limit_ = 0;
};

}  // namespace meridian::bwe
