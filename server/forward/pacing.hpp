#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/prefetch.hpp"
#include "base/rtp_types.hpp"
#include "base/time.hpp"
#include "forward/pace_queue.hpp"
#include "forward/pacer.hpp"

namespace meridian::forward {

/// Which packets to one subscriber leave at once, and which wait: retransmissions before video;
/// audio, reports and probes never do. What can't leave within kMaxWait is given up, to the end of
/// its picture and beyond, since what follows builds on it: see Subscription::give_up(). About 14
/// KiB; nothing is allocated later.
class Pacing {
 public:
  /// The key frame of a shared screen.
  static constexpr std::size_t kMaxVideo = 512;
  /// What one NACK can ask for.
  static constexpr std::size_t kMaxResends = 64;
  /// Longer than any frame but a key frame takes, as long as the division of the way is kept.
  static constexpr Duration kMaxWait = 1s;

  enum class Queue : std::uint8_t { kResend, kVideo };

  /// What the way carries; nothing: all leaves at once.
  void set_rate(std::optional<Bitrate> rate, Pacer::Delay delay, Instant now);

  /// Whether a packet has to wait(): others of its kind do, or too much left just now.
  [[nodiscard]] bool must_wait(Queue queue, Instant now);
  /// False: as many wait as may.
  [[nodiscard]] bool wait(Queue queue, const WaitingPacket& packet);
  /// Whose packet has waited for too long; null: nobody's.
  [[nodiscard]] Subscription* late(Instant now) const {
    const bool is_late =
        !video_.empty() && !video_.front().is_key && now - video_.front().since > kMaxWait;
    return is_late ? video_.front().subscription : nullptr;
  }
  /// A packet left, whether it had to wait or not.
  void on_sent(std::size_t bytes, Instant now);

  /// When what waits may leave; never() when nothing does.
  [[nodiscard]] Instant next_release(Instant now);
  struct Released {
    Queue queue = Queue::kVideo;
    WaitingPacket packet;
  };
  /// The next one, while there may be one more now. To be called from next_release() on.
  [[nodiscard]] std::optional<Released> release(Instant now);

  /// Takes out what waits of a subscription; `forget` is told each video packet.
  template <class Forget>
  void remove(const Subscription& subscription, Forget&& forget) {
    resends_.remove_if([&](const WaitingPacket& one) { return one.subscription == &subscription; });
    video_.remove_if([&](const WaitingPacket& one) {
      const bool is_removed = one.subscription == &subscription;
      if (is_removed) {
        forget(one);
      }
      return is_removed;
    });
  }

  [[nodiscard]] std::size_t waiting() const { return video_.size() + resends_.size(); }
  /// Into the cache: what is asked for each packet.
  void prefetch() const {
    base::prefetch(this, sizeof(pacer_) + sizeof(is_on_) + base::kCacheLine);
    base::prefetch(&video_, 1);
  }

 private:
  Pacer pacer_;
  bool is_on_ = false;
  PaceQueue<kMaxResends> resends_;
  PaceQueue<kMaxVideo> video_;
};

}  // namespace meridian::forward
