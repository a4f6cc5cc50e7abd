#include "meeting/offer_pace.hpp"

#include <algorithm>

#include "meeting/limits.hpp"

namespace meridian::meeting {

void OfferPace::want(Instant now) {
  if (!outstanding_since_.is_never()) {
    wants_again_ = true;
    return;
  }
  const bool is_recent = has_offered_ && now - last_offer_ <= kLongDelay;
  due_ = std::min(due_, now + (is_recent ? kLongDelay : kShortDelay));
}

void OfferPace::handle_exchange(Instant now) {
  last_offer_ = now;
  has_offered_ = true;
  outstanding_since_ = Instant::never();
  due_ = Instant::never();
  if (wants_again_) {
    wants_again_ = false;
    want(now);
  }
}

void OfferPace::begin(Instant now) {
  due_ = Instant::never();
  outstanding_since_ = now;
  wants_again_ = false;
}

void OfferPace::reset() {
  due_ = Instant::never();
  outstanding_since_ = Instant::never();
  wants_again_ = false;
}

OfferPace::Due OfferPace::poll(Instant now) {
  if (!outstanding_since_.is_never()) {
    return now - outstanding_since_ >= kOfferTimeout ? Due::kFailed : Due::kNothing;
  }
  if (due_ > now) {
    return Due::kNothing;
  }
  due_ = Instant::never();
  outstanding_since_ = now;
  return Due::kAsk;
}

Instant OfferPace::next_timeout() const {
  return outstanding_since_.is_never() ? due_ : outstanding_since_ + kOfferTimeout;
}

}  // namespace meridian::meeting
