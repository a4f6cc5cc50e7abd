#pragma once

#include <cstdint>

#include "base/time.hpp"

namespace meridian::meeting {

/// When the tracks that a client gets are negotiated again. Changes are collected for a moment and
/// carried by one exchange, and no other is begun while one is outstanding. In single-connection
/// mode only the client offers, and is asked to by media_sections_requirement; in dual-connection
/// mode this side offers.
class OfferPace {
 public:
  static constexpr Duration kShortDelay = 10ms;
  static constexpr Duration kLongDelay = 150ms;

  /// Something changed that only another exchange can carry.
  void want(Instant now);
  /// An offer was answered, asked for or not.
  void handle_exchange(Instant now);
  /// An exchange was begun without having been due.
  void begin(Instant now);
  /// The connection over which it would be negotiated is gone; nothing is due until want().
  void reset();

  enum class Due : std::uint8_t {
    kNothing,
    kAsk,     // send the requirement or the offer now; the clock for its answer runs
    kFailed,  // none came
  };
  [[nodiscard]] Due poll(Instant now);
  /// Drops the request that poll() just told to make, since it turned out to be needless.
  void cancel() { outstanding_since_ = Instant::never(); }
  [[nodiscard]] Instant next_timeout() const;

 private:
  Instant due_ = Instant::never();
  Instant outstanding_since_ = Instant::never();
  Instant last_offer_;
  bool has_offered_ = false;
  bool wants_again_ = false;
};

}  // namespace meridian::meeting
