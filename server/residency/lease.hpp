#pragma once

#include <atomic>
#include <cstdint>

#include "base/time.hpp"

namespace meridian::residency {

/// "This node has seen every policy up to generation N", for a short while. The control thread
/// renews it after it has asked the directory; workers look at it immediately before each send
/// call. When it runs out (the directory is out of reach, or the control thread hangs), accounts
/// that are restricted to some regions stop: a policy that we haven't heard of may forbid us.
/// Accounts that may be everywhere go on.
///
/// Times are on a clock that goes on while the machine sleeps, and count from when the question was
/// asked, not from when the answer came. One writing thread; readers neither lock nor wait.
class Lease {
 public:
  static constexpr Duration kTerm = 3s;
  static constexpr Duration kRenewal = 1s;

  /// Control thread only. `asked`: when the directory was asked what the newest generation is.
  void renew(std::uint64_t generation, Instant asked) {
    generation_.store(generation, std::memory_order_release);
    until_.store((asked + kTerm).since_origin().count(), std::memory_order_release);
  }

  /// Whether a worker that has applied the policies of `generation` may still send for restricted
  /// accounts. False before the first renewal.
  [[nodiscard]] bool covers(std::uint64_t generation, Instant now) const {
    const std::int64_t until = until_.load(std::memory_order_acquire);
    // Read second: whoever sees a term sees the generation that it was granted for, or a newer one.
    return now.since_origin().count() < until &&
           generation_.load(std::memory_order_acquire) <= generation;
  }
  [[nodiscard]] Instant until() const {
    return Instant::from_origin(Duration(until_.load(std::memory_order_acquire)));
  }

 private:
  alignas(64) std::atomic<std::int64_t> until_{INT64_MIN};
  std::atomic<std::uint64_t> generation_{0};
};

}  // namespace meridian::residency
