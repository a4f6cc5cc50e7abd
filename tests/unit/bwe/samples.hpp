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

  explicit Bottleneck(std::uint64_t seed) : rng_(seed) {}

  void send(const SentPacket& sent, Instant now) {
    busy_until_ = std::max(busy_until_, now);
    const bool is_lost = rng_.chance(loss) || busy_until_ - now > queue;
    if (!is_lost) {
      busy_until_ = busy_until_ + Duration(static_cast<Duration::rep>(sent.size * 8e9 / rate));
    }
    passing_.push_back(
        {.sent = sent, .received = is_lost ? Instant::never() : busy_until_ + delay});
  }
  /// What is reported at `now`; empty in between.
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
    for (std::size_t i = 0; i < known; ++i) {
      results.push_back(passing_.front());
      passing_.pop_front();
    }
    return results;
  }
  [[nodiscard]] Duration backlog(Instant now) const {
    return std::max<Duration>(busy_until_ - now, 0ms);
  }

 private:
  Rng rng_;
  Instant busy_until_;
  Instant last_report_;
  std::deque<PacketResult> passing_;
};

}  // namespace meridian::bwe::test
