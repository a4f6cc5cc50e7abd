#include "forward/pacer.hpp"

#include <algorithm>

#include "bwe/packet_result.hpp"

namespace meridian::forward {

void Pacer::set_rate(Bitrate rate, Delay delay, Instant now) {
  refill(now);
  rate_ = bwe::to_double(rate) / 8e9;
  const Duration length = delay == Delay::kGrowing ? kCautiousBurst : kBurst;
  constexpr auto kMost = static_cast<double>(kMaxBurstPackets * kPacketSize);
  burst_ = std::clamp(rate_ * static_cast<double>(length.count()), static_cast<double>(kPacketSize),
                      kMost);
  level_ = has_started_ ? std::min(level_, burst_) : burst_;
  has_started_ = true;
}

void Pacer::refill(Instant now) {
  if (has_started_ && now > last_) {
    level_ = std::min(level_ + rate_ * static_cast<double>((now - last_).count()), burst_);
  }
  last_ = std::max(last_, now);
}

bool Pacer::may_send(Instant now) {
  refill(now);
  return level_ > 0;
}

void Pacer::on_sent(std::size_t bytes, Instant now) {
  refill(now);
  // A debt of more than a burst would punish video for what audio and retransmissions took.
  level_ = std::max(level_ - static_cast<double>(bytes), -burst_);
}

Instant Pacer::next_release(std::size_t waiting, Instant now) {
  refill(now);
  const double wanted = std::min(static_cast<double>(waiting), burst_);
  if (level_ >= wanted || rate_ <= 0) {
    return now;
  }
  return now + Duration(static_cast<Duration::rep>((wanted - level_) / rate_) + 1);
}

}  // namespace meridian::forward
