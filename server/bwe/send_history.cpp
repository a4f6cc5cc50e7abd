#include "bwe/send_history.hpp"

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
  const std::uint64_t number = extend(sequence, ExtendedSequence(next_ - 1)).value();
  SentPacket& entry = (*entries_)[number % kCapacity];
  if (number >= next_ || entry.size == 0 || entry.sequence.value() != number ||
      (entry.was_told_lost && !arrival)) {
    return std::nullopt;
  }
  PacketResult result{.sent = entry, .received = Instant::never()};
  if (arrival) {
    result.received = unwrap(*arrival);
    newest_sent_ = std::max(newest_sent_.value_or(entry.sent_at), entry.sent_at);
  }
  if (!entry.was_told_lost) {
    in_flight_ -= std::min<std::uint64_t>(in_flight_, entry.size);
  }
  // What is missing may only be late, and come in a later feedback. What arrived is told once.
  entry.size = arrival ? 0 : entry.size;
  entry.was_told_lost = !arrival;
  return result;
}

}  // namespace meridian::bwe
