#pragma once

#include <algorithm>
#include <cstdint>

#include "base/time.hpp"

namespace meridian::forward {

/// Lets `rate` units a second pass on average and `burst` at once. Integer arithmetic in
/// nanoseconds, so that nothing drifts.
class TokenBucket {
 public:
  constexpr TokenBucket(std::uint64_t rate_per_second, std::uint64_t burst)
      : rate_(rate_per_second), burst_(burst), tokens_(burst) {}

  /// Takes `amount` when it is there.
  [[nodiscard]] bool take(std::uint64_t amount, Instant now) {
    refill(now);
    if (tokens_ < amount) {
      return false;
    }
    tokens_ -= amount;
    return true;
  }
  /// Changes the rate; what is saved up stays, within the new burst.
  void set_rate(std::uint64_t rate_per_second, std::uint64_t burst) {
    rate_ = rate_per_second;
    burst_ = burst;
    tokens_ = std::min(tokens_, burst_);
  }

 private:
  static constexpr std::uint64_t kSecond = 1'000'000'000;

  void refill(Instant now) {
    if (!started_) {
      started_ = true;
      last_ = now;
      return;
    }
    if (now <= last_) {
      return;
    }
    // More than a second fills any bucket whose burst is a second's worth; it also keeps the
    // product below 2^64.
    const auto elapsed = static_cast<std::uint64_t>(std::min<Duration>(now - last_, 10s).count());
    const std::uint64_t earned = elapsed * rate_ + remainder_;
    tokens_ = std::min(burst_, tokens_ + earned / kSecond);
    remainder_ = earned % kSecond;
    last_ = now;
  }

  std::uint64_t rate_;
  std::uint64_t burst_;
  std::uint64_t tokens_;
  std::uint64_t remainder_ = 0;
  Instant last_;
  bool started_ = false;
};

}  // namespace meridian::forward
