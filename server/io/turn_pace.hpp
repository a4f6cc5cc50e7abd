#pragma once

#include <algorithm>
#include <optional>
#include <utility>

#include "base/time.hpp"

namespace meridian::io {

/// How soon a worker's loop reads again. Where subscribers are many, each one's report would wake
/// the thread by itself, which costs more than the report does: turns that find no media and follow
/// each other closely are made rarer, so that reports come together. Media that comes meanwhile
/// waits for as long at most.
class TurnPace {
 public:
  /// Turns that only find reports begin no closer to each other.
  static constexpr Duration kRest = 1ms;

  void begin(Instant now) {
    previous_ = std::exchange(began_, now);
    has_media_ = false;
    has_reports_ = false;
  }
  /// The turn has found media: what follows it may be the rest of a picture.
  void note_media() { has_media_ = true; }
  /// The turn has found something else. A turn that was made for a timer, or for a wake-up that the
  /// turn before had already answered, has found nothing: reports are no reason to wait then.
  void note_report() { has_reports_ = true; }
  [[nodiscard]] Instant began() const { return began_; }
  /// Until when the next turn may wait after this one; nothing: not at all.
  [[nodiscard]] std::optional<Instant> rest_until(Instant next_timeout) const {
    if (has_media_ || !has_reports_ || began_ - previous_ >= kRest) {
      return std::nullopt;
    }
    return std::min(began_ + kRest, next_timeout);
  }

 private:
  Instant began_;
  Instant previous_;
  bool has_media_ = false;
  bool has_reports_ = false;
};

}  // namespace meridian::io
