#include "forward/history.hpp"

#include <bit>
#include <cstring>

#include "base/check.hpp"
#include "forward/sent_log.hpp"

namespace meridian::forward {

History::History(HistorySize size) : entries_(size.packets), memory_(size.bytes) {
  MERIDIAN_CHECK(std::has_single_bit(size.packets) && size.bytes > 0);
}

bool History::store(const MediaPacket& packet) {
  const std::size_t needed = packet.descriptor.size() + packet.payload.size();
  Entry& entry = entries_[packet.sequence.value() & (entries_.size() - 1)];
  if (needed > memory_.size() / 4) {
    return false;
  }
  if (entry.is_used && entry.packet.generation == packet.generation &&
      entry.packet.sequence > packet.sequence) {
    return false;
  }
  // A packet lies in one piece: one that would pass the end of the memory begins at its start.
  const std::uint64_t offset = head_ % memory_.size();
  if (offset + needed > memory_.size()) {
    head_ += memory_.size() - offset;
  }
  std::uint8_t* out = &memory_[static_cast<std::size_t>(head_ % memory_.size())];
  if (!packet.descriptor.empty()) {
    std::memcpy(out, packet.descriptor.data(), packet.descriptor.size());
  }
  if (!packet.payload.empty()) {
    std::memcpy(out + packet.descriptor.size(), packet.payload.data(), packet.payload.size());
  }
  entry.packet = packet;
  entry.packet.descriptor = {out, packet.descriptor.size()};
  entry.packet.payload = {out + packet.descriptor.size(), packet.payload.size()};
  entry.position = head_;
  entry.is_used = true;
  head_ += needed;
  return true;
}

const MediaPacket* History::find(std::uint32_t generation, ExtendedSequence sequence) const {
  const Entry& entry = entries_[sequence.value() & (entries_.size() - 1)];
  if (!is_whole(entry) || entry.packet.sequence != sequence ||
      entry.packet.generation != generation) {
    return nullptr;
  }
  return &entry.packet;
}

const MediaPacket* History::find_sent(std::uint8_t generation, std::uint32_t sequence) const {
  const Entry& entry = entries_[sequence & (entries_.size() - 1)];
  constexpr std::uint32_t kKept = (1U << SentLog::kSourceBits) - 1;
  const auto low = static_cast<std::uint32_t>(entry.packet.sequence.value());
  if (!is_whole(entry) || ((low ^ sequence) & kKept) != 0 ||
      static_cast<std::uint8_t>(entry.packet.generation) != generation) {
    return nullptr;
  }
  return &entry.packet;
}

void History::clear() {
  for (Entry& entry : entries_) {
    entry.is_used = false;
  }
}

}  // namespace meridian::forward
