#pragma once

#include <time.h>

#include "base/time.hpp"

/// The one place where clocks are read; everything below `io` receives what it returns.
namespace meridian::io {

/// Nanoseconds on a Linux clock.
[[nodiscard]] inline Duration read_clock(clockid_t clock) {
  timespec at{};
  clock_gettime(clock, &at);
  return std::chrono::seconds(at.tv_sec) + Duration(at.tv_nsec);
}

/// CLOCK_BOOTTIME: goes on while the machine is suspended, so that a lease cannot outlive a nap.
[[nodiscard]] inline Instant monotonic_now() {
  return Instant::from_origin(read_clock(CLOCK_BOOTTIME));
}

[[nodiscard]] inline UnixTime wall_now() {
  return UnixTime::from_nanoseconds(read_clock(CLOCK_REALTIME).count());
}

/// Both clocks, read together.
[[nodiscard]] inline Now now() {
  return Now{monotonic_now(), wall_now()};
}

/// Turns a wall-clock timestamp of the kernel into an Instant, by its age at `now`. A timestamp
/// from the future, or older than kMaxTimestampAge (the wall clock was stepped), counts as `now`.
inline constexpr Duration kMaxTimestampAge = std::chrono::seconds(2);
[[nodiscard]] inline Instant to_instant(UnixTime timestamp, const Now& now) {
  const Duration age = now.wall - timestamp;
  const bool is_plausible = age >= Duration::zero() && age <= kMaxTimestampAge;
  return is_plausible ? now.monotonic - age : now.monotonic;
}

}  // namespace meridian::io
