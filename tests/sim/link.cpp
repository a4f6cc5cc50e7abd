#include "sim/link.hpp"

#include <algorithm>

namespace meridian::sim {
namespace {

/// Signatures make DTLS datagrams vary by a byte or two: they all count as this many.
constexpr std::size_t kDtlsSize = 400;

}  // namespace

Kind kind_of(Bytes datagram) {
  if (datagram.empty() || datagram[0] <= 3) {
    return Kind::kStun;
  }
  if (datagram[0] <= 63) {
    return Kind::kDtls;
  }
  return datagram.size() > 1 && datagram[1] >= 192 && datagram[1] <= 223 ? Kind::kRtcp : Kind::kRtp;
}

Link::Passage Link::pass(Kind kind, std::size_t size, Instant now) {
  const std::uint64_t number = numbers_[static_cast<std::size_t>(kind)]++;
  Rng draw(seed_ ^ (static_cast<std::uint64_t>(kind) << 56U) ^ (number * 0x9e3779b97f4a7c15ULL));
  bool is_lost = draw.chance(shape_.loss / shape_.burst);
  if (is_lost) {
    burst_left_ = shape_.burst - 1;
  } else if (burst_left_ > 0) {
    --burst_left_;
    is_lost = true;
  }
  const std::uint64_t bytes = kind == Kind::kDtls ? kDtlsSize : size;
  const Duration airtime(static_cast<Duration::rep>(bytes * 1'000'000'000 / shape_.rate));
  const Duration late = lateness(draw, now);
  busy_until_ = std::max(busy_until_, now);
  const Duration waited = busy_until_ - now;
  const bool is_full = busy_until_ - now > shape_.queue;
  if (!is_full) {
    busy_until_ = busy_until_ + airtime;
  }
  lost_ += is_lost ? 1 : 0;
  overflowed_ += is_full && !is_lost ? 1 : 0;
  Instant arrival = busy_until_ + shape_.delay + late;
  if (shape_.hold > Duration::zero()) {
    arrival = std::max(arrival, last_arrival_);
    last_arrival_ = arrival;
  }
  return {.arrival = arrival, .is_lost = is_lost || is_full, .waited = waited};
}

Duration Link::lateness(Rng& draw, Instant now) {
  const auto up_to = [](Rng& rng, Duration most) {
    return most > Duration::zero() ? Duration(static_cast<Duration::rep>(
                                         rng.below(static_cast<std::uint64_t>(most.count()))))
                                   : Duration{};
  };
  Duration late = up_to(draw, shape_.jitter);
  if (shape_.hold > Duration::zero()) {
    const auto slot = static_cast<std::uint64_t>(now.since_origin() / LinkShape::kHold);
    Rng held(seed_ ^ (slot * 0xd1342543de82ef95ULL));
    late += up_to(held, shape_.hold);
  }
  spacing_ =
      (spacing_ * 31 + std::min<Duration>(now - last_pass_, LinkShape::kReorderSpacing)) / 32;
  last_pass_ = now;
  return late + up_to(draw, spacing_ * shape_.reorder);
}

}  // namespace meridian::sim
