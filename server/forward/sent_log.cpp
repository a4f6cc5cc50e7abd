#include "forward/sent_log.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"

namespace meridian::forward {

SentLog::SentLog(std::size_t capacity) : entries_(capacity) {
  MERIDIAN_CHECK(capacity > 0);
}

void SentLog::reserve(std::size_t packets) {
  const std::size_t size = entries_.size();
  if (packets <= size || size >= kMaxCapacity) {
    return;
  }
  const std::size_t wanted = std::max(packets, size + size / 4);
  const std::size_t capacity = std::min((wanted + kStep - 1) / kStep * kStep, kMaxCapacity);
  const std::vector<Entry> old = std::exchange(entries_, std::vector<Entry>(capacity));
  for (const Entry& entry : old) {
    const std::uint64_t distance = static_cast<std::uint16_t>(newest_ - entry.sequence);
    if (entry.is_used != 0 && distance < size) {
      place(newest_ - distance) = entry;
    }
  }
}

void SentLog::add(const SentPacket& packet) {
  const Rewrite& rewrite = packet.rewrite;
  const std::uint64_t sequence = rewrite.sequence.value();
  if (sequence + entries_.size() <= newest_) {
    return;  // its place is a newer one's
  }
  newest_ = std::max(newest_, sequence);
  Entry& entry = place(sequence);
  entry.source_sequence = packet.source_sequence & ((1U << kSourceBits) - 1);
  entry.generation = packet.generation & 0xffU;
  entry.layer = packet.layer & 0x3U;
  entry.is_used = 1;
  entry.marker = rewrite.marker ? 1 : 0;
  entry.timestamp = rewrite.timestamp.value();
  entry.sequence = static_cast<std::uint16_t>(sequence);
  entry.picture_id = rewrite.picture_id;
  entry.frame_number = rewrite.frame_number;
  entry.tl0_picture_index = rewrite.tl0_picture_index;
  entry.key_index = rewrite.key_index;
}

std::optional<std::uint64_t> SentLog::extend(SequenceNumber sequence) const {
  const std::uint64_t distance = static_cast<std::uint16_t>(newest_ - sequence.value());
  return distance < entries_.size() && distance <= newest_ ? std::optional(newest_ - distance)
                                                           : std::nullopt;
}

void SentLog::forget(SequenceNumber sequence) {
  if (const auto extended = extend(sequence)) {
    Entry& entry = place(*extended);
    if (entry.sequence == sequence.value()) {
      entry.is_used = 0;
    }
  }
}

std::optional<SentPacket> SentLog::find(SequenceNumber sequence) const {
  const auto extended = extend(sequence);
  if (!extended) {
    return std::nullopt;
  }
  const Entry& entry = entries_[*extended % entries_.size()];
  if (entry.is_used == 0 || entry.sequence != sequence.value()) {
    return std::nullopt;
  }
  return SentPacket{.layer = static_cast<std::uint8_t>(entry.layer),
                    .generation = entry.generation,
                    .source_sequence = entry.source_sequence,
                    .rewrite = {.sequence = ExtendedSequence(*extended),
                                .timestamp = RtpTimestamp(entry.timestamp),
                                .picture_id = entry.picture_id,
                                .frame_number = entry.frame_number,
                                .tl0_picture_index = entry.tl0_picture_index,
                                .key_index = entry.key_index,
                                .marker = entry.marker != 0}};
}

}  // namespace meridian::forward
