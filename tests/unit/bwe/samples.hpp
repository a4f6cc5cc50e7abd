#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "base/random.hpp"
#include "base/time.hpp"
#include "bwe/packet_result.hpp"

namespace meridian::bwe::test {

inline Instant at(Duration time) {
  return Instant::from_origin(time);
}

inline PacketResult packet(std::uint64_t number, Instant sent, Instant received,
                           std::uint32_t size = 1200, ProbeCluster cluster = kNoCluster) {
  return {.sent = {.sequence = ExtendedSequence(number),
                   .sent_at = sent,
                   .size = size,
                   .cluster = cluster},
          .received = received};
}

/// A link with a rate, a queue and losses, in one direction; what comes out is reported each 50 ms
/// and takes `delay` back.
class Bottleneck {
 public:
  double rate = 2.5e6;  // bit/s
  Duration delay = 25ms;
  Duration queue = 400ms;
  double loss = 0;
  /// Each packet is late by an even draw up to this; with `keeps_order` all of 50 ms by the same.
  Duration jitter{};
  bool keeps_order = false;

  explicit Bottleneck(std::uint64_t seed) : rng_(seed) {}

  void send(const SentPacket& sent, Instant now) {
    busy_until_ = std::max(busy_until_, now);
    const bool is_lost = rng_.chance(loss) || busy_until_ - now > queue;
    if (!is_lost) {
      busy_until_ = busy_until_ + Duration(static_cast<Duration::rep>(sent.size * 8e9 / rate));
    }
    const Instant received = busy_until_ + delay + lateness(now);
    last_ = std::max(last_, received);
    passing_.push_back({.sent = sent,
                        .received = is_lost       ? Instant::never()
                                    : keeps_order ? last_
                                                  : received});
  }
  /// What is reported at `now`; empty in between. What is late is told as lost first.
  std::vector<PacketResult> report(Instant now) {
    std::vector<PacketResult> results;
    if (now - last_report_ < 50ms) {
      return results;
    }
    last_report_ = now;
    // As far as the newest that has arrived; what is lost in between is known to be.
    std::size_t known = 0;
    for (std::size_t i = 0; i < passing_.size(); ++i) {
      if (!passing_[i].is_lost() && passing_[i].received + delay <= now) {
        known = i + 1;
      }
    }
    std::erase_if(late_, [&](const PacketResult& late) {
      const bool is_there = late.received + delay <= now;
      if (is_there) {
        results.push_back(late);
      }
      return is_there;
    });
    for (std::size_t i = 0; i < known; ++i) {
      PacketResult result = passing_.front();
      passing_.pop_front();
      if (!result.is_lost() && result.received + delay > now) {
        late_.push_back(result);
        late_.back().sent.was_told_lost = true;
        result.received = Instant::never();
      }
      results.push_back(result);
    }
    return results;
  }
  [[nodiscard]] Duration backlog(Instant now) const {
    return std::max<Duration>(busy_until_ - now, 0ms);
  }

 private:
  Duration lateness(Instant now) {
    if (jitter == Duration::zero()) {
      return {};
    }
    if (!keeps_order || now >= held_until_) {
      held_until_ = now + 50ms;
      held_ = Duration(
          static_cast<Duration::rep>(rng_.below(static_cast<std::uint64_t>(jitter.count()))));
    }
    return held_;
  }

  Rng rng_;
  Instant held_until_;
  Duration held_{};
  Instant last_;
  Instant busy_until_;
  Instant last_report_;
  std::deque<PacketResult> passing_;
  std::vector<PacketResult> late_;
};

}  // namespace meridian::bwe::test
