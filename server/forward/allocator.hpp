#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/rtp_types.hpp"

namespace meridian::forward {

/// One way in which a video track can be forwarded.
struct Rung {
  /// Simulcast or spatial layer, 0 = lowest.
  std::uint8_t spatial = 0;
  /// Highest temporal layer.
  std::uint8_t temporal = 0;
  /// Of all that is then sent.
  Bitrate rate;
  friend bool operator==(const Rung&, const Rung&) = default;
};

/// The ways of one track in the order of quality, each dearer than the one before it.
class Ladder {
 public:
  static constexpr std::size_t kMaxRungs = 12;

  /// Takes the next better one. What costs as much or more and is no better goes.
  void add(const Rung& rung);
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] const Rung& operator[](std::size_t index) const { return rungs_[index]; }
  /// How many rungs there are up to the best that has no more than these layers; at least 1 when
  /// not empty().
  [[nodiscard]] std::size_t within(std::uint8_t spatial, std::uint8_t temporal) const;

 private:
  std::array<Rung, kMaxRungs> rungs_{};
  std::size_t size_ = 0;
};

/// A video track of one subscriber, and what it gets.
struct Demand {
  static constexpr std::int8_t kPaused = -1;

  /// The caller's number for it. Of two equal ones the lower goes first.
  std::uint16_t index = 0;
  /// Not empty.
  const Ladder* ladder = nullptr;
  /// Rungs that the client wants, from the lowest: at least 1, at most ladder->size().
  std::uint8_t wanted = 1;
  bool is_screen_share = false;
  /// `wanted` is less than the client's wish, since the worker has too much to do.
  bool is_spared = false;
  /// Of the client; higher first.
  std::uint32_t priority = 0;
  /// The rung that it has, or kPaused.
  std::int8_t kept = kPaused;
  /// The decision.
  std::int8_t rung = kPaused;
};

/// What may be used. Two ceilings: what a track has already is kept up to the higher one, and more
/// is added only below the lower one, so that an estimate that moves a little switches nothing.
struct Ceilings {
  Bitrate kept;
  Bitrate added;
  /// For the lowest rung of a track that has none.
  Bitrate lowest;
  /// False: everybody gets their lowest rung, whatever it costs.
  bool may_pause = true;
};

struct Allocated {
  /// Of all decisions together.
  Bitrate used;
  /// What would be used if the next step up could be taken; zero when everybody has what they want.
  Bitrate next;
  /// What would be used if everybody had what they want.
  Bitrate all;
};

/// The one that gets its lowest rung before all others; null where there is none.
[[nodiscard]] const Demand* first_of(std::span<const Demand> demands);

/// Divides what is left for video (audio and retransmissions come first and are taken off by the
/// caller) among a subscriber's tracks: everyone's lowest rung, screen shares first, then in the
/// order of priority and of the size that was asked for; then upwards, screen shares as far as they
/// want, then the others, those of one priority by one rung each in turn. A track whose lowest rung
/// doesn't fit is paused. Pure; sorts `demands`. O(tracks * rungs).
[[nodiscard]] Allocated allocate(std::span<Demand> demands, const Ceilings& ceilings);

}  // namespace meridian::forward
