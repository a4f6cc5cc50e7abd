#include "forward/ssrc_table.hpp"

namespace meridian::forward {

const Source* SsrcTable::find(Ssrc ssrc) const {
  for (std::size_t i = home(ssrc);; i = (i + 1) % kSlots) {
    if (!slots_[i].is_used) {
      return nullptr;
    }
    if (slots_[i].ssrc == ssrc) {
      return &slots_[i].source;
    }
  }
}

void SsrcTable::insert(Ssrc ssrc, Source source) {
  std::size_t i = home(ssrc);
  while (slots_[i].is_used) {
    i = (i + 1) % kSlots;
  }
  slots_[i] = {.ssrc = ssrc, .source = source, .is_used = true};
  ++size_;
}

/// Removal from a table with linear probing moves its neighbours; it is rare, so all are put anew.
template <class Keep>
void SsrcTable::rebuild(Keep keep) {
  const auto old = slots_;
  slots_ = {};
  size_ = 0;
  for (const Slot& slot : old) {
    if (slot.is_used) {
      if (const std::optional<Source> source = keep(slot)) {
        insert(slot.ssrc, *source);
      }
    }
  }
}

SsrcTable::Added SsrcTable::add(Ssrc ssrc, Source source) {
  const Source* known = find(ssrc);
  if (known != nullptr && *known == source) {
    return Added::kKnown;
  }
  const std::optional<Ssrc> previous = ssrc_of(source);
  if (known == nullptr && !previous && size_ >= kMaxSources) {
    return Added::kFull;
  }
  rebuild([&](const Slot& slot) {
    const bool goes = slot.ssrc == ssrc || slot.source == source;
    return goes ? std::nullopt : std::optional(slot.source);
  });
  insert(ssrc, source);
  return previous ? Added::kReplaced : Added::kNew;
}

void SsrcTable::renumber_sections(std::span<const std::optional<std::uint8_t>> indices) {
  rebuild([&](const Slot& slot) -> std::optional<Source> {
    if (slot.source.section >= indices.size() || !indices[slot.source.section]) {
      return std::nullopt;
    }
    Source source = slot.source;
    source.section = *indices[slot.source.section];
    return source;
  });
}

std::optional<Ssrc> SsrcTable::ssrc_of(Source source) const {
  for (const Slot& slot : slots_) {
    if (slot.is_used && slot.source == source) {
      return slot.ssrc;
    }
  }
  return std::nullopt;
}

}  // namespace meridian::forward
