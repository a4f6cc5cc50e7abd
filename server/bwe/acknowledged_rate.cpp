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
  bytes_ += packet.sent.size;
  note_appended();
  for (std::size_t i = size_ - 1; i > 0 && at(i).received < at(i - 1).received; --i) {
    std::swap(at(i), at(i - 1));
  }
  if (at(size_ - 1).received - packet.received > kMaxReordering) {
    size_ = 0;
    bytes_ = 0;
    until_ordered_ = 0;
    gaps_.reset();
    discarded_until_ = {};
    return;
  }
  while (is_front_too_old()) {
    drop_front();
  }
}

/// The last one of the window may still belong further to the front.
void AcknowledgedRate::note_appended() {
  if (size_ < 2) {
    return;
  }
  const PacketResult& last = at(size_ - 1);
  const PacketResult& before = at(size_ - 2);
  if (last.received < before.received || last.sent.sent_at < before.sent.sent_at) {
    until_ordered_ = size_;
    gaps_.reset();
  } else if (gaps_) {
    gaps_->add(last.received - before.received);
  }
}

void AcknowledgedRate::drop_front() {
  const PacketResult& front = at(0);
  discarded_until_ = std::max(discarded_until_, front.sent.sent_at);
  bytes_ -= front.sent.size;
  until_ordered_ -= until_ordered_ > 0 ? 1 : 0;
  if (gaps_ && size_ > 1 && at(1).received - front.received >= gaps_->second) {
    gaps_.reset();
  }
  begin_ = (begin_ + 1) % kCapacity;
  --size_;
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

const ArrivalGaps& AcknowledgedRate::gaps() const {
  if (!gaps_) {
    gaps_.emplace();
    for (std::size_t i = 1; i < size_; ++i) {
      gaps_->add(at(i).received - at(i - 1).received);
    }
  }
  return *gaps_;
}

AcknowledgedRate::Sending AcknowledgedRate::sending() const {
  Sending sending;
  double last_size = 0;
  Instant first_sent = Instant::never();
  Instant last_sent;
  for (std::size_t i = 0; i < size_; ++i) {
    const SentPacket& packet = at(i).sent;
    if (packet.sent_at <= discarded_until_) {
      continue;  // in another order when it was sent: its neighbours have left the window
    }
    if (packet.sent_at >= last_sent) {
      last_sent = packet.sent_at;
      last_size = packet.size;
    }
    first_sent = std::min(first_sent, packet.sent_at);
    sending.bytes += packet.size;
    ++sending.packets;
  }
  sending.bytes -= last_size;
  sending.time = sending.packets > 0 ? last_sent - first_sent : Duration::zero();
  return sending;
}

AcknowledgedRate::Sending AcknowledgedRate::sending_in_order() const {
  std::size_t first = 0;
  std::uint64_t left_out = 0;
  for (; first < size_ && at(first).sent.sent_at <= discarded_until_; ++first) {
    left_out += at(first).sent.size;
  }
  if (first == size_) {
    return {};
  }
  const SentPacket& last = at(size_ - 1).sent;
  return {.packets = size_ - first,
          .bytes = static_cast<double>(bytes_ - left_out - last.size),
          .time = last.sent_at - at(first).sent.sent_at};
}

std::optional<Bitrate> AcknowledgedRate::find_rate() const {
  if (size_ < kRequiredPackets) {
    return std::nullopt;
  }
  const ArrivalGaps& gaps = this->gaps();
  const Duration arrival = at(size_ - 1).received - at(0).received - gaps.largest + gaps.second;
  // The first one only begins the time.
  const auto received = static_cast<double>(bytes_ - at(0).sent.size);
  const double receive_rate = rate_of(received, std::max<Duration>(arrival, 1ms));
  const Sending sent = until_ordered_ > 0 ? sending() : sending_in_order();
  if (sent.packets < kRequiredPackets) {
    return to_bitrate(receive_rate);
  }
  const double send_rate = rate_of(sent.bytes, std::max<Duration>(sent.time, 1ms));
  return to_bitrate(std::min(send_rate, receive_rate));
}

}  // namespace meridian::bwe
