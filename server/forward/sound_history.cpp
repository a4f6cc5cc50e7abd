#include "forward/sound_history.hpp"

#include <algorithm>
#include <cstring>

namespace meridian::forward {

static_assert((SoundHistory::kPackets & (SoundHistory::kPackets - 1)) == 0);

SoundHistory::SoundHistory() : memory_(std::make_unique_for_overwrite<std::uint8_t[]>(kBytes)) {}

/// Packets of one stream lie one behind the other; streams begin at places far from each other.
SoundHistory::Entry& SoundHistory::place(Ssrc ssrc, SequenceNumber sequence) {
  constexpr std::uint32_t kGolden = 0x9e3779b1;
  return entries_[((ssrc.value() * kGolden >> 24U) + sequence.value()) & (kPackets - 1)];
}

void SoundHistory::add(Ssrc ssrc, SequenceNumber sequence, const Kept& packet, Instant now) {
  const Bytes datagram = packet.datagram;
  if (datagram.empty() || datagram.size() > kBytes / 4) {
    return;
  }
  // A packet lies in one piece: one that would pass the end of the memory begins at its start.
  const std::uint64_t offset = head_ % kBytes;
  if (offset + datagram.size() > kBytes) {
    head_ += kBytes - offset;
  }
  std::memcpy(&memory_[static_cast<std::size_t>(head_ % kBytes)], datagram.data(), datagram.size());
  place(ssrc, sequence) = {.position = head_,
                           .sent = now,
                           .repeated = now,
                           .ssrc = ssrc,
                           .sequence = sequence,
                           .transport_sequence = packet.transport_sequence,
                           .size = static_cast<std::uint16_t>(datagram.size()),
                           .copies = 0};
  head_ += datagram.size();
}

SoundHistory::Entry* SoundHistory::find(Ssrc ssrc, SequenceNumber sequence, Instant now) {
  Entry& entry = place(ssrc, sequence);
  const bool is_kept = entry.size > 0 && entry.ssrc == ssrc && entry.sequence == sequence &&
                       head_ - entry.position <= kBytes && now - entry.sent <= kMaxAge;
  return is_kept ? &entry : nullptr;
}

SoundHistory::Kept SoundHistory::spend(Entry& entry, std::uint8_t copies, Instant now) {
  if (entry.copies + copies > kMaxCopies ||
      !budget_.take(std::uint64_t{entry.size} * copies, now)) {
    return {};
  }
  entry.copies = static_cast<std::uint8_t>(entry.copies + copies);
  return {.datagram = {&memory_[static_cast<std::size_t>(entry.position % kBytes)], entry.size},
          .transport_sequence = entry.transport_sequence};
}

SoundHistory::Kept SoundHistory::take_asked(Ssrc ssrc, SequenceNumber sequence, std::uint8_t copies,
                                            Instant now) {
  Entry* entry = find(ssrc, sequence, now);
  // Until the last copy can have arrived, whoever asks again doesn't know of it.
  if (entry == nullptr || (entry->copies > 0 && now - entry->repeated < repeat_delay_)) {
    return {};
  }
  const Kept packet = spend(*entry, copies, now);
  entry->repeated = packet.empty() ? entry->repeated : now;
  return packet;
}

SoundHistory::Kept SoundHistory::take_repeat(Ssrc ssrc, SequenceNumber sequence, Instant now) {
  Entry* entry = find(ssrc, sequence, now);
  return entry == nullptr ? Kept{} : spend(*entry, 1, now);
}

void SoundHistory::set_round_trip(Duration round_trip) {
  repeat_delay_ = round_trip <= Duration::zero()
                      ? kMaxRepeatDelay
                      : std::clamp(round_trip, kMinRepeatDelay, kMaxRepeatDelay);
}

}  // namespace meridian::forward
