#include "bwe/acknowledged_rate.hpp"

#include <algorithm>
#include <utility>

namespace meridian::bwe {

bool AcknowledgedRate::is_front_too_old() const {
  if (size_ == 0) {
    return false;
  }
  const Duration length = at(size_ - 1).received - at(0).received;
  return size_ > kMaxPackets || length > kMaxDuration ||
         (size_ > kMinPackets && length > kMinDuration);
}

void AcknowledgedRate::on_packet(const PacketResult& packet) {
  is_known_ = false;
  at(size_) = packet;
  ++size_;
  for (std::size_t i = size_ - 1; i > 0 && at(i).received < at(i - 1).received; --i) {
    std::swap(at(i), at(i - 1));
  }
  if (at(size_ - 1).received - packet.received > kMaxReordering) {
    size_ = 0;
    discarded_until_ = {};
    return;
  }
  while (is_front_too_old()) {
    discarded_until_ = std::max(discarded_until_, at(0).sent.sent_at);
    begin_ = (begin_ + 1) % kCapacity;
    --size_;
  }
}

std::optional<Bitrate> AcknowledgedRate::received_since(Instant since) const {
  Instant first = Instant::never();
  double received = 0;
  std::size_t packets = 0;
  for (std::size_t i = 0; i < size_; ++i) {
    const PacketResult& packet = at(i);
    if (packet.received < since) {
      continue;
    }
    received += packets > 0 ? packet.sent.size : 0;  // the first one only begins the time
    first = std::min(first, packet.received);
    ++packets;
  }
  if (packets < kMinSince || at(size_ - 1).received - first < kSinceTime) {
    return std::nullopt;
  }
  return to_bitrate(rate_of(received, at(size_ - 1).received - first));
}

std::optional<Bitrate> AcknowledgedRate::queued_since(Instant since, Duration empty_way) const {
  double received = 0;
  Duration busy{};
  std::size_t packets = 0;
  for (std::size_t i = 1; i < size_; ++i) {
    const PacketResult& packet = at(i);
    const Instant previous = at(i - 1).received;
    // It was at the narrow place before the previous one had left it.
    if (previous >= since && packet.sent.sent_at + empty_way < previous) {
      received += packet.sent.size;
      busy += packet.received - previous;
      ++packets;
    }
  }
  if (packets < kMinQueued || busy < kQueuedTime) {
    return std::nullopt;
  }
  return to_bitrate(rate_of(received, busy));
}

std::optional<Bitrate> AcknowledgedRate::find_rate() const {
  if (size_ < kRequiredPackets) {
    return std::nullopt;
  }
  Duration largest_gap{};
  Duration second_gap{};
  double received = 0;
  double sent = 0;
  double last_size = 0;
  std::size_t sent_packets = 0;
  Instant first_sent = Instant::never();
  Instant last_sent;
  for (std::size_t i = 0; i < size_; ++i) {
    const PacketResult& packet = at(i);
    if (i > 0) {
      received += packet.sent.size;  // the first one only begins the time
      const Duration gap = packet.received - at(i - 1).received;
      second_gap = std::max(second_gap, std::min(gap, largest_gap));
      largest_gap = std::max(largest_gap, gap);
    }
    if (packet.sent.sent_at <= discarded_until_) {
      continue;  // in another order when it was sent: its neighbours have left the window
    }
    if (packet.sent.sent_at >= last_sent) {
      last_sent = packet.sent.sent_at;
      last_size = packet.sent.size;
    }
    first_sent = std::min(first_sent, packet.sent.sent_at);
    sent += packet.sent.size;
    ++sent_packets;
  }
  const Duration arrival = at(size_ - 1).received - at(0).received - largest_gap + second_gap;
  const double receive_rate = rate_of(received, std::max<Duration>(arrival, 1ms));
  if (sent_packets < kRequiredPackets) {
    return to_bitrate(receive_rate);
  }
  const double send_rate =
      rate_of(sent - last_size, std::max<Duration>(last_sent - first_sent, 1ms));
  return to_bitrate(std::min(send_rate, receive_rate));
}

}  // namespace meridian::bwe
