#include "bwe/send_history.hpp"

#include <algorithm>

namespace meridian::bwe {
namespace {

/// The reference time of a feedback: 24 bits of 64 ms.
constexpr Duration kClockCycle = std::chrono::milliseconds(64) * (1 << 24);

}  // namespace

void SendHistory::on_sent(std::size_t size, ProbeCluster cluster, Instant now) {
  SentPacket& entry = (*entries_)[next_ % kCapacity];
  if (!entry.was_told_lost) {
    in_flight_ -= std::min<std::uint64_t>(in_flight_, entry.size);  // never reported
  }
  entry = {.sequence = ExtendedSequence(next_),
           .sent_at = now,
           .size = static_cast<std::uint32_t>(size),
           .cluster = cluster};
  in_flight_ += size;
  ++next_;
}

SentPacket* SendHistory::find(SequenceNumber sequence) {
  const std::uint64_t number = extend(sequence, ExtendedSequence(next_ - 1)).value();
  SentPacket& entry = (*entries_)[number % kCapacity];
  const bool is_there = number < next_ && entry.size > 0 && entry.sequence.value() == number;
  return is_there ? &entry : nullptr;
}

void SendHistory::on_repeated(SequenceNumber sequence, Instant now) {
  SentPacket* entry = find(sequence);
  if (entry == nullptr || entry->repeated_after != 0) {
    return;
  }
  const auto steps = (now - entry->sent_at) / SentPacket::kRepeatStep;
  entry->repeated_after = static_cast<std::uint8_t>(std::clamp<decltype(steps)>(steps, 1, 255));
}

/// Which of both arrived is told by the delay: that of the packet before it, or that and the time
/// until it was repeated. Nearer counts.
bool SendHistory::is_repetition(const SentPacket& sent, Instant received) {
  const Duration delay = received - sent.sent_at;
  const Duration repeated_after = sent.repeated_after * SentPacket::kRepeatStep;
  if (sent.repeated_after != 0 && last_delay_ && delay > *last_delay_ + repeated_after / 2) {
    return true;
  }
  last_delay_ = delay;
  return false;
}

Instant SendHistory::unwrap(Duration arrival) {
  if (!has_arrival_) {
    has_arrival_ = true;
    // High enough that nothing that is reordered comes before the origin.
    last_received_ = Instant::from_origin(kClockCycle + arrival);
  } else {
    Duration step = (arrival - last_arrival_) % kClockCycle;
    if (step > kClockCycle / 2) {
      step -= kClockCycle;
    } else if (step < -kClockCycle / 2) {
      step += kClockCycle;
    }
    last_received_ = last_received_ + step;
  }
  last_arrival_ = arrival;
  return last_received_;
}

std::optional<PacketResult> SendHistory::take(SequenceNumber sequence,
                                              std::optional<Duration> arrival) {
  SentPacket* entry = find(sequence);
  if (entry == nullptr || (entry->was_told_lost && !arrival)) {
    return std::nullopt;
  }
  PacketResult result{.sent = *entry, .received = Instant::never()};
  const std::optional<Instant> received = arrival ? std::optional(unwrap(*arrival)) : std::nullopt;
  if (received && !is_repetition(*entry, *received)) {
    result.received = *received;
    newest_sent_ = std::max(newest_sent_.value_or(entry->sent_at), entry->sent_at);
  }
  if (!entry->was_told_lost) {
    in_flight_ -= std::min<std::uint64_t>(in_flight_, entry->size);
  }
  // What is missing may only be late, and come in a later feedback. What arrived is told once.
  const bool is_news = !entry->was_told_lost || !result.is_lost();
  entry->size = arrival ? 0 : entry->size;
  entry->was_told_lost = result.is_lost();
  return is_news ? std::optional(result) : std::nullopt;
}

}  // namespace meridian::bwe
