#include "forward/sent_log.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/check.hpp"

namespace meridian::forward {

SentLog::SentLog(std::size_t capacity) : entries_(capacity) {
  MERIDIAN_CHECK(std::has_single_bit(capacity));
}

void SentLog::reserve(std::size_t packets) {
  const std::size_t capacity = std::bit_ceil(std::min(packets, kMaxCapacity));
  if (capacity <= entries_.size()) {
    return;
  }
  const std::vector<Entry> old = std::exchange(entries_, std::vector<Entry>(capacity));
  for (const Entry& entry : old) {
    if (entry.is_used != 0) {
      entries_[place(entry.sequence)] = entry;
    }
  }
}

void SentLog::add(const SentPacket& packet) {
  const Rewrite& rewrite = packet.rewrite;
  Entry& entry = entries_[place(rewrite.sequence.value())];
  entry.source_sequence = packet.source_sequence;
  entry.sequence = static_cast<std::uint32_t>(rewrite.sequence.value());
  entry.timestamp = rewrite.timestamp.value();
  entry.picture_id = rewrite.picture_id;
  entry.frame_number = rewrite.frame_number;
  entry.tl0_picture_index = rewrite.tl0_picture_index;
  entry.key_index = rewrite.key_index;
  entry.generation = static_cast<std::uint8_t>(packet.generation);
  entry.layer = packet.layer & 0x0fU;
  entry.is_used = 1;
  entry.marker = rewrite.marker ? 1 : 0;
}

void SentLog::forget(SequenceNumber sequence) {
  Entry& entry = entries_[place(sequence.value())];
  if (static_cast<std::uint16_t>(entry.sequence) == sequence.value()) {
    entry.is_used = 0;
  }
}

std::optional<SentPacket> SentLog::find(SequenceNumber sequence) const {
  const Entry& entry = entries_[place(sequence.value())];
  if (entry.is_used == 0 || static_cast<std::uint16_t>(entry.sequence) != sequence.value()) {
    return std::nullopt;
  }
  return SentPacket{.layer = entry.layer,
                    .generation = entry.generation,
                    .source_sequence = entry.source_sequence,
                    .rewrite = {.sequence = ExtendedSequence(entry.sequence),
                                .timestamp = RtpTimestamp(entry.timestamp),
                                .picture_id = entry.picture_id,
                                .frame_number = entry.frame_number,
                                .tl0_picture_index = entry.tl0_picture_index,
                                .key_index = entry.key_index,
                                .marker = entry.marker != 0}};
}

}  // namespace meridian::forward
