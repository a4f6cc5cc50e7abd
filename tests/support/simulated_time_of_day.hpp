#pragma once

// usrsctp reads gettimeofday() to decide which packets have been under way for long enough to be
// sent again. Tests on simulated time must let it see that time, or it resends next to nothing.
// Include this in exactly one source of a test program: it replaces the function for the program.

#include <sys/time.h>

#include "base/time.hpp"

namespace meridian::support {

/// What gettimeofday() says from now on, to everybody in this program.
inline Instant simulated_time_of_day = Instant::from_origin(100s);

}  // namespace meridian::support

extern "C" __attribute__((visibility("default"))) int gettimeofday(struct timeval* time,
                                                                   void* /*zone*/) noexcept {
  const auto since_origin = std::chrono::duration_cast<std::chrono::microseconds>(
      meridian::support::simulated_time_of_day.since_origin());
  time->tv_sec = static_cast<time_t>(since_origin.count() / 1'000'000);
  time->tv_usec = static_cast<suseconds_t>(since_origin.count() % 1'000'000);
  return 0;
}
