#include "audit/repeats.hpp"

#include <utility>

namespace meridian::audit {

Repeats::Seen Repeats::note(const Record& record) {
  const Key key{record.account, record.kind,   record.leg,   record.region,
                record.epoch,   record.reason, record.actor, record.status};
  const auto found = windows_.find(key);
  if (found != windows_.end()) {
    ++found->second.record.count;
    return Seen::kRepeated;
  }
  if (windows_.size() < kMaxKeys) {
    Window window{record.time, record};
    window.record.count = 0;
    window.record.room_sid.clear();
    window.record.participant_sid.clear();
    window.record.commitment = {};
    windows_.emplace(key, std::move(window));
  }
  return Seen::kFirst;
}

std::vector<Record> Repeats::take_due(UnixTime now) {
  std::vector<Record> due;
  for (auto entry = windows_.begin(); entry != windows_.end();) {
    Window& window = entry->second;
    // A wall clock that was set back ends a window, too.
    if (now >= window.start && now - window.start < kWindow) {
      ++entry;
      continue;
    }
    if (window.record.count > 0) {
      window.record.time = now;
      due.push_back(std::move(window.record));
    }
    entry = windows_.erase(entry);
  }
  return due;
}

std::vector<Record> Repeats::take_all(UnixTime now) {
  std::vector<Record> all;
  for (auto& [key, window] : std::exchange(windows_, {})) {
    if (window.record.count > 0) {
      window.record.time = now;
      all.push_back(std::move(window.record));
    }
  }
  return all;
}

}  // namespace meridian::audit
