#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/rtp_types.hpp"
#include "base/time.hpp"
#include "bwe/probe_estimator.hpp"

namespace meridian::bwe {

/// Decides when to test for more and how much: two quick probes at the start and further ones while
/// they succeed, then one now and then up to what the next layer needs, and one after a large drop
/// that may have been a mistake. Never for what nobody would use.
class ProbeController {
 public:
  static constexpr double kFirstFactor = 3;
  static constexpr double kSecondFactor = 2;  // of the first
  static constexpr double kNextFactor = 2;
  /// Part of the last probe that must have gone through before a higher one follows.
  static constexpr double kSuccess = 0.7;
  /// Part of it that counts as all of it.
  static constexpr double kAll = 0.9;
  static constexpr Duration kResultTime = 1s;
  /// Until the next probe for a next layer after one that failed; each further failure makes it
  /// half as long again, up to the maximum.
  static constexpr Duration kInterval = 3s;
  static constexpr Duration kMaxInterval = 5s;
  /// After one of which nobody said anything, on a way that loses this part of anything: the probe
  /// or what was said about it was lost, which says nothing about the rate.
  static constexpr double kLossyWay = 0.15;
  static constexpr Duration kLostInterval = 1s;
  /// After one that passed.
  static constexpr Duration kNextStep = 250ms;
  /// After a drop below this part, the old estimate is tried once.
  static constexpr double kLargeDrop = 0.66;
  static constexpr double kRecoveryFactor = 0.85;
  static constexpr Duration kRecoveryTime = 5s;
  static constexpr Duration kProbeLength = 20ms;
  static constexpr std::size_t kMinPackets = 5;
  /// A probe goes this far beyond what is needed, so that the layer fits with its variation.
  static constexpr double kHeadroom = 1.15;
  /// While nothing is shown at all: between probes, each time by a quarter longer up to the maximum
  /// above, and after the delay grew.
  static constexpr Duration kBareInterval = 1s;
  static constexpr Duration kBareCalm = 300ms;

  explicit ProbeController(Bitrate max) : max_(max) {}

  /// Whether what is wanted is more than there is, or anything at all.
  enum class Need : std::uint8_t { kMore, kAnything };
  /// The whole rate at which the next step up could be taken; 0: nothing more is wanted.
  void set_wanted(Bitrate rate, Need need = Need::kMore) {
    wanted_ = rate;
    bare_interval_ = need == need_ ? bare_interval_ : kBareInterval;
    need_ = need;
  }
  /// Whether a probe with this result has shown that there is room for something again.
  [[nodiscard]] bool ends_need(Bitrate result) const {
    return need_ == Need::kAnything && result >= wanted_;
  }
  void on_estimate(Bitrate estimate, Instant now);
  /// The part of anything that the way loses, 0 to 1.
  void set_inherent_loss(double loss) { inherent_loss_ = loss; }
  void on_result(Bitrate rate, Instant now);
  /// The delay grew: not now.
  void on_overuse(Instant now);

  /// The probe that is due. The caller sends it and tells the estimator of it.
  [[nodiscard]] std::optional<Probe> poll(Instant now);
  [[nodiscard]] Instant next_probe() const { return next_; }

 private:
  enum class Phase : std::uint8_t { kStart, kRamp, kSteady };
  [[nodiscard]] std::optional<Probe> make(double rate, Instant now);
  [[nodiscard]] std::optional<Probe> poll_start(Instant now);
  [[nodiscard]] std::optional<Probe> poll_steady(Instant now);
  [[nodiscard]] std::optional<Probe> poll_bare(Instant now);
  void fail(Instant now);
  void lose(Instant now);

  Bitrate max_;
  Bitrate wanted_;
  Need need_ = Need::kMore;
  Bitrate estimate_;
  Phase phase_ = Phase::kStart;
  ProbeCluster last_cluster_ = kNoCluster;
  double last_rate_ = 0;
  std::optional<double> ramp_to_;
  bool has_second_ = false;
  bool is_waiting_ = false;
  Instant sent_at_;
  Instant overused_at_;
  double inherent_loss_ = 0;
  Duration bare_interval_ = kBareInterval;
  Instant next_;
  Duration interval_ = kInterval;
  Bitrate before_drop_;
  Instant dropped_at_ = Instant::never();
};

}  // namespace meridian::bwe
