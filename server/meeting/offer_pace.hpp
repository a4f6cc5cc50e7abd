#pragma once

#include <cstdint>

#include "base/time.hpp"

namespace meridian::meeting {

/// When a client is asked for another offer. In single-PC mode only the client offers, so changes
/// are collected for a moment and asked for with one media_sections_requirement, and nothing more
/// is asked while one is outstanding.
class OfferPace {
 public:
  static constexpr Duration kShortDelay = 10ms;
  static constexpr Duration kLongDelay = 150ms;

  /// Something changed that only another offer can carry.
  void want(Instant now);
  /// An offer was answered, asked for or not.
  void handle_offer(Instant now);
  /// The connection that could bring an offer is gone; nothing is due until want().
  void reset();

  enum class Due : std::uint8_t {
    kNothing,
    kAsk,     // send the requirement now; the clock for its answer runs
    kFailed,  // no offer came
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
