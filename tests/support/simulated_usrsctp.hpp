#pragma once

// usrsctp reads gettimeofday() to decide which packets have been under way for long enough to be
// sent again, and draws tags and timer jitter from the system. Tests on simulated time must let it
// see that time, or it resends next to nothing, and give it seeded numbers, or a lossy network
// makes another run each time. Include this in exactly one source of a test program: it replaces
// both functions for the program.

#include <cstddef>
#include <span>
#include <sys/time.h>

#include "base/random.hpp"
#include "base/time.hpp"

namespace meridian::support {

/// What gettimeofday() says from now on, to everybody in this program.
inline Instant simulated_time_of_day = Instant::from_origin(100s);

/// Where usrsctp's random numbers come from. Set it anew for each test.
inline Rng usrsctp_random(1);

}  // namespace meridian::support

extern "C" __attribute__((visibility("default"))) int gettimeofday(struct timeval* time,
                                                                   void* /*zone*/) noexcept {
  const auto since_origin = std::chrono::duration_cast<std::chrono::microseconds>(
      meridian::support::simulated_time_of_day.since_origin());
  time->tv_sec = static_cast<time_t>(since_origin.count() / 1'000'000);
  time->tv_usec = static_cast<suseconds_t>(since_origin.count() % 1'000'000);
  return 0;
}

/// usrsctp's own function, which the program's takes the place of.
extern "C" __attribute__((visibility("default"))) void read_random(void* to, std::size_t size) {
  for (std::byte& byte : std::span(static_cast<std::byte*>(to), size)) {
    byte = static_cast<std::byte>(meridian::support::usrsctp_random.next());
  }
}
