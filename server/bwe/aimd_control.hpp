#pragma once

#include <cstdint>
#include <optional>

#include "base/rtp_types.hpp"
#include "base/time.hpp"
#include "bwe/trendline.hpp"

namespace meridian::bwe {

/// What the link was seen to carry when it was full, as a mean and a spread in kbit/s.
class LinkCapacity {
 public:
  void on_overuse(Bitrate throughput) { update(to_kbps(throughput), 0.05); }
  void on_probe(Bitrate rate) { update(to_kbps(rate), 0.5); }
  void reset() { mean_.reset(); }
  [[nodiscard]] bool is_known() const { return mean_.has_value(); }
  [[nodiscard]] Bitrate estimate() const;
  /// Infinite when unknown.
  [[nodiscard]] Bitrate upper_bound() const;
  /// Zero when unknown.
  [[nodiscard]] Bitrate lower_bound() const;

 private:
  [[nodiscard]] static double to_kbps(Bitrate rate) {
    return static_cast<double>(rate.value()) / 1000;
  }
  [[nodiscard]] double spread() const;
  void update(double sample, double weight);

  std::optional<double> mean_;
  double variance_ = 0.4;  // normalized by the mean
};

/// Additive increase, multiplicative decrease (draft-ietf-rmcat-gcc-02 section 5.5): up by 8 % a
/// second while the link's limit is unknown, by about a packet for each response time near it, down
/// to 85 % of what goes through when the delay grows.
class AimdControl {
 public:
  static constexpr double kBackoff = 0.85;
  static constexpr double kIncrease = 1.08;  // each second
  static constexpr Duration kInitialRoundTrip = 200ms;

  AimdControl(Bitrate start, Bitrate min, Bitrate max);

  void set_round_trip(Duration round_trip) { round_trip_ = round_trip; }
  /// While the source sends less than it may, feedback tells nothing about more.
  void set_in_alr(bool is_in_alr) { is_in_alr_ = is_in_alr; }
  /// What goes through times this is the most that is taken for possible without trying.
  static constexpr double kTrusted = 1.5;
  /// The same where no probe can tell: enough for the next layer, which then tries it.
  static constexpr double kTrustedUnprobed = 2.2;
  void set_trusted(double factor) { trusted_ = factor; }
  /// Jumps there, e.g. since a probe went through.
  void set_estimate(Bitrate rate, Instant now);

  /// The new estimate, for what the detector said and what goes through.
  Bitrate update(DelayState state, std::optional<Bitrate> acknowledged, Instant now);
  /// During overuse: whether the last decrease had time to show.
  [[nodiscard]] bool may_decrease_again(Bitrate acknowledged, Instant now) const;
  [[nodiscard]] Bitrate estimate() const { return current_; }
  [[nodiscard]] const LinkCapacity& capacity() const { return capacity_; }
  void on_probe(Bitrate rate) { capacity_.on_probe(rate); }

 private:
  enum class Phase : std::uint8_t { kHold, kIncrease };
  [[nodiscard]] double increased(Bitrate acknowledged, Instant now);
  [[nodiscard]] double decreased(Bitrate acknowledged);
  [[nodiscard]] double additive_step(Duration elapsed) const;
  void set(double rate);

  Bitrate min_;
  Bitrate max_;
  Bitrate current_;
  Bitrate acknowledged_;
  LinkCapacity capacity_;
  Phase phase_ = Phase::kHold;
  bool is_in_alr_ = false;
  double trusted_ = kTrusted;
  Duration round_trip_ = kInitialRoundTrip;
  Instant last_change_ = Instant::never();
};

}  // namespace meridian::bwe
