#pragma once

#include <algorithm>

namespace meridian::bwe {

/// Whether so much more gets lost than as a rule that, while packets wait all the time, the queue
/// that they wait in must be overflowing: its delay can't grow any further then, so that nothing
/// but the losses says that the way is full. Pure arithmetic.
class QueueOverflow {
 public:
  /// About so many packets are looked at, and so many make the rule.
  static constexpr double kPackets = 16;
  static constexpr double kRule = 256;
  /// Part of them that must have been lost beyond the rule.
  static constexpr double kLoss = 0.15;

  void on_packet(bool is_lost) {
    const double lost = is_lost ? 1.0 : 0.0;
    count_ = std::min(count_ + 1, kRule);
    recent_ += (lost - recent_) / std::min(count_, kPackets);
    rule_ += (lost - rule_) / count_;
  }
  /// `inherent`: the part that the way always loses, 0 to 1.
  [[nodiscard]] bool is_overflowing(double inherent) const {
    return recent_ > std::max(inherent, rule_) + kLoss;
  }
  void reset() { *this = QueueOverflow(); }

 private:
  double count_ = 0;
  double recent_ = 0;
  double rule_ = 0;
};

}  // namespace meridian::bwe
