#include "forward/continuous_map.hpp"

#include <algorithm>

namespace meridian::forward {

void ContinuousMap::restart(std::uint64_t source, std::uint64_t target) {
  newest_ = 0;
  count_ = 1;
  ranges_[0] = Range{.first = source, .shift = source - target, .dropped_before = 0};
  highest_ = source - 1;
}

std::optional<std::uint64_t> ContinuousMap::map(std::uint64_t source) {
  for (std::size_t age = 0; age < count_; ++age) {
    const Range& candidate = range(age);
    if (source >= candidate.first) {
      highest_ = std::max(highest_, source);
      return source - candidate.shift;
    }
    if (source >= candidate.first - candidate.dropped_before) {
      return std::nullopt;
    }
  }
  return std::nullopt;
}

bool ContinuousMap::drop(std::uint64_t source) {
  if (count_ == 0 || source <= highest_) {
    return false;
  }
  Range& current = ranges_[newest_];
  if (current.first == source && current.dropped_before > 0) {
    ++current.first;  // directly after the last one left out: the same gap grows
    ++current.shift;
    ++current.dropped_before;
  } else {
    const std::uint64_t shift = current.shift + 1;
    newest_ = (newest_ + 1) % kMaxRanges;
    count_ = std::min(count_ + 1, kMaxRanges);
    ranges_[newest_] = Range{.first = source + 1, .shift = shift, .dropped_before = 1};
  }
  highest_ = source;
  return true;
}

std::uint64_t ContinuousMap::highest_target() const {
  return highest_ - ranges_[newest_].shift;
}

}  // namespace meridian::forward
