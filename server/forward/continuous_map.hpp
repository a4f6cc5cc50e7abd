#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace meridian::forward {

/// Maps a counter of which we leave out values onto one without gaps: what is dropped on purpose is
/// closed up, what merely hasn't come yet keeps its place. Remembers the last kMaxRanges places
/// where something was left out, so that late values still map to where they belong; older ones map
/// to nothing. Values are extended, so they don't wrap.
class ContinuousMap {
 public:
  /// 1-2 s of a stream from which every second frame is dropped.
  static constexpr std::size_t kMaxRanges = 32;

  /// From `source` on, values map to `target` and up; what is below `source` maps to nothing.
  void restart(std::uint64_t source, std::uint64_t target);

  /// Where `source` goes. Nothing: it was dropped, is from before the last restart, or too old.
  [[nodiscard]] std::optional<std::uint64_t> map(std::uint64_t source);

  /// Leaves `source` out. Only a value newer than all seen can be closed up (true); the place of an
  /// older one was already promised, and stays a hole (false).
  bool drop(std::uint64_t source);

  /// The highest target that map() gave or promised; one below the start before the first value.
  [[nodiscard]] std::uint64_t highest_target() const;

 private:
  struct Range {
    std::uint64_t first = 0;           // source value from which `shift` holds
    std::uint64_t shift = 0;           // source - target, modulo 2^64
    std::uint64_t dropped_before = 0;  // values left out directly below `first`
  };

  [[nodiscard]] const Range& range(std::size_t age) const {
    return ranges_[(newest_ + kMaxRanges - age) % kMaxRanges];
  }

  std::array<Range, kMaxRanges> ranges_{};
  std::size_t newest_ = 0;
  std::size_t count_ = 0;
  std::uint64_t highest_ = 0;  // newest source value seen; first - 1 right after restart()
};

}  // namespace meridian::forward
