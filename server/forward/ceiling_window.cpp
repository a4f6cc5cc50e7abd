#include "forward/ceiling_window.hpp"

#include <algorithm>

#include "bwe/packet_result.hpp"

namespace meridian::forward {

void CeilingWindow::on_step(Step step, Instant now) {
  if (step == Step::kUp) {
    stepped_up_at_ = now;
    return;
  }
  if (step != Step::kDown) {
    return;
  }
  const bool is_too_far = !stepped_up_at_.is_never() && now - stepped_up_at_ < kProbation;
  if (is_too_far) {
    waits_until_ = now + wait_;
    fell_to_ = last_;
    wait_ = std::min<Duration>(wait_ * 2, kMaxWait);
    stepped_up_at_ = Instant::never();
  } else if (now - stepped_down_at_ > kMaxWait) {
    wait_ = kFirstWait;
  }
  stepped_down_at_ = now;
}

Ceilings CeilingWindow::update(Bitrate estimate, bool is_start, Instant now) {
  last_ = estimate;
  if (now < waits_until_ && bwe::to_double(estimate) > kOtherWay * bwe::to_double(fell_to_)) {
    waits_until_ = now;
    wait_ = kFirstWait;
  }
  lowest_[next_] = estimate;
  next_ = (next_ + 1) % kIntervals;
  size_ = std::min(size_ + 1, kIntervals);
  Bitrate added = estimate;
  for (std::size_t i = 1; i <= size_ && !is_start; ++i) {
    added = std::min(added, lowest_[(next_ + kIntervals - i) % kIntervals]);
  }
  const Bitrate lowest = bwe::to_bitrate(kAdded * bwe::to_double(added));
  return {.kept = bwe::to_bitrate(kKept * bwe::to_double(estimate)),
          .added = now < waits_until_ ? Bitrate(0) : lowest,
          .lowest = lowest,
          .may_pause = true};
}

}  // namespace meridian::forward
