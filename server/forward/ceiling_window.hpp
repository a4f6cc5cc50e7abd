#pragma once

#include <array>
#include <cstddef>

#include "base/rtp_types.hpp"
#include "base/time.hpp"
#include "forward/allocator.hpp"

namespace meridian::forward {

/// Makes the two ceilings of an allocation out of an estimate that moves: what a subscriber has is
/// kept as long as the estimate now allows it, and more is added only when the estimate has allowed
/// it for a while, or a probe has just shown it. Who had to step down soon after stepping up waits
/// longer each time. Fixed memory.
class CeilingWindow {
 public:
  static constexpr Duration kInterval = 100ms;
  /// The lowest estimate of so many intervals counts for what is added.
  static constexpr std::size_t kIntervals = 25;
  /// Rates are means, and the estimate moves: what is kept may exceed it by this.
  static constexpr double kKept = 1.06;
  /// And what is added must leave so much.
  static constexpr double kAdded = 0.97;
  /// A step down within this after a step up was a step too far.
  static constexpr Duration kProbation = 10s;
  static constexpr Duration kFirstWait = 4s;
  static constexpr Duration kMaxWait = 64s;
  /// An estimate this many times what it was at the step down is of another way: nothing is waited
  /// for.
  static constexpr double kOtherWay = 2.5;

  /// What was decided last.
  enum class Step : std::uint8_t { kNone, kUp, kDown };
  void on_step(Step step, Instant now);
  /// A probe went through: the estimate needs no time to prove itself.
  void on_probed() { size_ = 0; }

  /// To be called each kInterval. `is_start`: the link was never seen to be full.
  [[nodiscard]] Ceilings update(Bitrate estimate, bool is_start, Instant now);

 private:
  std::array<Bitrate, kIntervals> lowest_{};
  std::size_t size_ = 0;
  std::size_t next_ = 0;
  Instant stepped_up_at_ = Instant::never();
  Instant waits_until_;
  Instant stepped_down_at_;
  Duration wait_ = kFirstWait;
  Bitrate last_;
  Bitrate fell_to_;  // the estimate at the step down
};

}  // namespace meridian::forward
