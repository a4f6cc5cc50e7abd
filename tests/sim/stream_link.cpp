#include "sim/stream_link.hpp"

#include <algorithm>

#include "base/random.hpp"

namespace meridian::sim {

void StreamLink::write(Bytes datagram, Instant now) {
  (void)queue_.expire(now);
  // The queue keeps the number of a transport with each packet: here it says when it was written.
  const auto written = static_cast<std::uint32_t>(now.since_origin() / 1us);
  const auto header = io::frame_header(datagram.size());
  (void)queue_.push(
      {.transport = TransportId(written), .header = header, .datagram = datagram, .padding = 0},
      now);
  pump(now);
}

void StreamLink::handle_timeout(Instant now) {
  while (!in_flight_.empty() && in_flight_.begin()->first <= now) {
    const Segment segment = in_flight_.begin()->second;
    in_flight_.erase(in_flight_.begin());
    in_flight_bytes_ -= segment.size;
    acknowledge(segment, now);
  }
  pump(now);
}

void StreamLink::acknowledge(const Segment& segment, Instant now) {
  const auto size = static_cast<double>(segment.size);
  if (segment.was_lost) {
    if (segment.sent >= recovery_) {  // one step for each round trip
      window_ = std::max(window_ * kBackoff, 2.0 * kSegment);
      threshold_ = window_;
      recovery_ = now;
    }
  } else if (window_ < threshold_) {
    window_ += size;
  } else {
    window_ += kSegment * size / window_;
  }
  window_ = std::min(window_, kMaxWindow);
}

void StreamLink::pump(Instant now) {
  (void)queue_.expire(now);
  fill_kernel(now);
  while (!unsent_.empty() && static_cast<double>(in_flight_bytes_) < window_) {
    Unsent next = std::move(unsent_.front());
    unsent_.pop_front();
    unsent_bytes_ -= next.bytes.size();
    send(std::move(next), now);
    fill_kernel(now);
  }
}

void StreamLink::fill_kernel(Instant now) {
  while (!queue_.empty() && unsent_bytes_ < kUnsentBytes) {
    const std::size_t size = queue_.next(1).size();
    if (size == 0) {
      return;
    }
    queue_.consume(size, [&](const io::TcpQueue::Written& packet) {
      const Instant written =
          Instant::from_origin(std::chrono::microseconds(packet.transport.value()));
      if (kind_of(packet.datagram) == Kind::kRtp) {
        longest_wait_ = std::max(longest_wait_, now - written);
      }
      unsent_.push_back(
          {.bytes = {packet.datagram.begin(), packet.datagram.end()}, .written = written});
      unsent_bytes_ += packet.datagram.size();
    });
  }
}

void StreamLink::send(Unsent unsent, Instant now) {
  Rng draw(seed_ ^ (++number_ * 0x9e3779b97f4a7c15ULL));
  const std::size_t size = unsent.bytes.size();
  const Duration round_trip = 2 * shape_.delay;
  busy_until_ = std::max(busy_until_, now) +
                Duration(static_cast<Duration::rep>(size * 1'000'000'000 / shape_.rate));
  Instant arrival = busy_until_ + shape_.delay;
  unsigned lost = 0;
  for (; draw.chance(shape_.loss) && lost < 8; ++lost) {
    arrival = arrival + round_trip + (lost == 0 ? Duration{} : kTimeout);
  }
  last_arrival_ = std::max(last_arrival_, arrival);
  in_flight_bytes_ += size;
  in_flight_.emplace(arrival + shape_.delay,
                     Segment{.size = size, .sent = now, .was_lost = lost > 0});
  arrivals_.push_back(
      {.at = last_arrival_, .bytes = std::move(unsent.bytes), .waited = now - unsent.written});
}

std::optional<StreamLink::Arrival> StreamLink::poll() {
  if (arrivals_.empty()) {
    return std::nullopt;
  }
  Arrival arrival = std::move(arrivals_.front());
  arrivals_.pop_front();
  return arrival;
}

}  // namespace meridian::sim
