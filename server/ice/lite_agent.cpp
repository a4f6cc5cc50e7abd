#include "ice/lite_agent.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace meridian::ice {

LiteAgent::Generation::Generation(const Credentials& local_side, const Credentials& remote_side)
    : local_ufrag(local_side.ufrag),
      username(local_side.ufrag + ":" + remote_side.ufrag),
      key(local_side.password) {}

LiteAgent::LiteAgent(const Credentials& local, const Credentials& remote)
    : current_(local, remote) {}

void LiteAgent::restart(const Credentials& local, const Credentials& remote) {
  next_.emplace(local, remote);
}

base::Expected<Check, CheckError> LiteAgent::handle_check(const StunMessage& message,
                                                          const Tuple& from, Instant now,
                                                          MutableBytes response) {
  if (message.message_class != StunClass::kRequest || message.method != kStunBinding ||
      message.has_unknown_required) {
    return std::unexpected(CheckError::kNotRequest);
  }
  const bool is_next = next_ && message.username == next_->username;
  const Generation& generation = is_next ? *next_ : current_;
  if (message.username != generation.username) {
    return std::unexpected(CheckError::kBadUsername);
  }
  if (!message.verify(generation.key)) {
    return std::unexpected(CheckError::kBadIntegrity);
  }
  // Authentic from here on. A role conflict is not answered with 487: this side is always lite and
  // controlled, so there is no role to switch to.
  Check check;
  if (is_next) {
    current_ = std::move(*next_);
    next_.reset();
    check.is_restart_complete = true;
  }
  const std::size_t index = admit(from, check);
  tuples_[index].last_check = now;
  const bool is_first = selected_ == kNone;
  if (is_first || (message.use_candidate && selected_ != index)) {
    selected_ = index;
    check.is_selection_changed = true;
  }
  is_nominated_ |= message.use_candidate;
  if (selected_ == index) {
    last_consent_ = now;
  }
  check.response_length = StunBuilder(response, StunClass::kSuccess, message.transaction)
                              .xor_mapped_address(from.remote)
                              .finish(current_.key);
  MERIDIAN_CHECK(check.response_length > 0);
  return check;
}

std::size_t LiteAgent::admit(const Tuple& tuple, Check& check) {
  if (const Entry* known = find(tuple)) {
    return static_cast<std::size_t>(known - tuples_.data());
  }
  check.is_new_tuple = true;
  if (tuple_count_ < kMaxTuples) {
    tuples_[tuple_count_].tuple = tuple;
    return tuple_count_++;
  }
  // Least recently checked goes, but never the one that media uses.
  std::size_t oldest = selected_ == 0 ? 1 : 0;
  for (std::size_t i = 0; i < kMaxTuples; ++i) {
    if (i != selected_ && tuples_[i].last_check < tuples_[oldest].last_check) {
      oldest = i;
    }
  }
  check.evicted = tuples_[oldest].tuple;
  tuples_[oldest].tuple = tuple;
  return oldest;
}

const LiteAgent::Entry* LiteAgent::find(const Tuple& tuple) const {
  const auto end = tuples_.begin() + static_cast<std::ptrdiff_t>(tuple_count_);
  const auto found =
      std::find_if(tuples_.begin(), end, [&](const Entry& entry) { return entry.tuple == tuple; });
  return found == end ? nullptr : &*found;
}

void LiteAgent::select_provisionally(const Tuple& tuple) {
  const Entry* entry = find(tuple);
  if (!is_nominated_ && entry != nullptr) {
    selected_ = static_cast<std::size_t>(entry - tuples_.data());
    last_consent_ = entry->last_check;
  }
}

bool LiteAgent::is_in_use(const Tuple& tuple, Instant now) const {
  const Entry* entry = find(tuple);
  return entry != nullptr && now - entry->last_check < kQuietTime;
}

Consent LiteAgent::consent(Instant now) const {
  if (!last_consent_) {
    return Consent::kNone;
  }
  const Duration silence = now - *last_consent_;
  if (silence >= kConsentTime) {
    return Consent::kExpired;
  }
  return silence >= kQuietTime ? Consent::kQuiet : Consent::kFresh;
}

Instant LiteAgent::next_timeout(Instant now) const {
  switch (consent(now)) {
    case Consent::kFresh:
      return *last_consent_ + kQuietTime;
    case Consent::kQuiet:
      return *last_consent_ + kConsentTime;
    default:
      return Instant::never();
  }
}

void LiteAgent::forget(const Tuple& tuple) {
  const Entry* entry = find(tuple);
  if (entry == nullptr) {
    return;
  }
  const auto index = static_cast<std::size_t>(entry - tuples_.data());
  const std::size_t last = --tuple_count_;
  tuples_[index] = tuples_[last];
  if (selected_ == index) {
    selected_ = kNone;
    is_nominated_ = false;
  } else if (selected_ == last) {
    selected_ = index;
  }
}

}  // namespace meridian::ice
