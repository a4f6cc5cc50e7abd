#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <limits>

namespace meridian {

using Duration = std::chrono::nanoseconds;
using namespace std::chrono_literals;

/// A point on the node's monotonic clock (Linux CLOCK_BOOTTIME in `io`, simulated time in tests).
/// There is no `now()`: protocol code can only receive an Instant. Arithmetic saturates at never().
class Instant {
 public:
  constexpr Instant() = default;
  static constexpr Instant from_origin(Duration since_origin) { return Instant(since_origin); }
  /// Later than every real instant; "no timeout".
  static constexpr Instant never() { return Instant(Duration::max()); }
  [[nodiscard]] constexpr Duration since_origin() const { return since_origin_; }
  [[nodiscard]] constexpr bool is_never() const { return since_origin_ == Duration::max(); }

  friend constexpr Instant operator+(Instant at, Duration delta) {
    if (at.is_never() || (delta > Duration::zero() && at.since_origin_ > Duration::max() - delta)) {
      return never();
    }
    return Instant(at.since_origin_ + delta);
  }
  friend constexpr Instant operator-(Instant at, Duration delta) {
    return at.is_never() ? at : Instant(at.since_origin_ - delta);
  }
  friend constexpr Duration operator-(Instant a, Instant b) {
    return a.since_origin_ - b.since_origin_;
  }
  friend constexpr auto operator<=>(Instant, Instant) = default;

 private:
  constexpr explicit Instant(Duration since_origin) : since_origin_(since_origin) {}
  Duration since_origin_{};
};

/// Wall-clock time, for what leaves the node (tokens, audit, sender reports). Received, never read.
class UnixTime {
 public:
  constexpr UnixTime() = default;
  static constexpr UnixTime from_nanoseconds(std::int64_t ns) { return UnixTime(ns); }
  static constexpr UnixTime from_milliseconds(std::int64_t ms) { return UnixTime(ms * 1'000'000); }
  static constexpr UnixTime from_seconds(std::int64_t s) { return UnixTime(s * 1'000'000'000); }
  [[nodiscard]] constexpr std::int64_t nanoseconds() const { return ns_; }
  [[nodiscard]] constexpr std::int64_t milliseconds() const { return ns_ / 1'000'000; }
  [[nodiscard]] constexpr std::int64_t seconds() const { return ns_ / 1'000'000'000; }
  friend constexpr UnixTime operator+(UnixTime at, Duration d) {
    return UnixTime(at.ns_ + d.count());
  }
  friend constexpr Duration operator-(UnixTime a, UnixTime b) { return Duration(a.ns_ - b.ns_); }
  friend constexpr auto operator<=>(UnixTime, UnixTime) = default;

 private:
  constexpr explicit UnixTime(std::int64_t ns) : ns_(ns) {}
  std::int64_t ns_{};
};

/// The two clocks as read together, once per loop turn, by `io` or the simulator.
struct Now {
  Instant monotonic;
  UnixTime wall;
};

}  // namespace meridian
