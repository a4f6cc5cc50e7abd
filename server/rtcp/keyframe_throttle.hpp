#pragma once

#include <cstdint>

#include "base/time.hpp"

namespace meridian::rtcp {

/// Joins the key frame requests of all subscribers of one layer into few towards the publisher: at
/// most one an interval. A request that comes too soon is kept and sent when the interval is over,
/// so that whoever asks gets a key frame, and one that brings no key frame is repeated.
class KeyframeThrottle {
 public:
  /// Low layers are cheap to refresh, high ones are not.
  static constexpr Duration kLowInterval = 500ms;
  static constexpr Duration kHighInterval = 1s;
  /// Requests without an answer, after which it waits for somebody to ask again.
  static constexpr std::uint8_t kMaxAttempts = 10;

  /// `layer` 0 is the lowest.
  explicit KeyframeThrottle(std::uint8_t layer)
      : interval_(layer == 0 ? kLowInterval : kHighInterval) {}

  /// Somebody needs a key frame (PLI, FIR, or a switch).
  void request() {
    is_wanted_ = true;
    attempts_ = 0;
  }

  /// The first packet of a key frame came: everybody who asked is served.
  void on_key_frame() { is_wanted_ = false; }

  /// True when a request must be sent now; counts it as sent.
  [[nodiscard]] bool poll(Instant now) {
    if (!is_wanted_ || now < next_) {
      return false;
    }
    next_ = now + interval_;
    if (++attempts_ >= kMaxAttempts) {
      is_wanted_ = false;
    }
    return true;
  }

  /// When poll() will next be true; never() without a request.
  [[nodiscard]] Instant next_timeout() const { return is_wanted_ ? next_ : Instant::never(); }

 private:
  Duration interval_;
  Instant next_ = Instant::from_origin(Duration::min());
  bool is_wanted_ = false;
  std::uint8_t attempts_ = 0;
};

}  // namespace meridian::rtcp
