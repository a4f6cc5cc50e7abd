#include "rtcp/nack_generator.hpp"

#include <algorithm>

namespace meridian::rtcp {
namespace {

constexpr Duration kTick = 1ms;

std::uint32_t ticks(Duration duration) {
  return static_cast<std::uint32_t>(duration / kTick);
}

/// Ticks wrap after 49 days, so they are compared by distance.
bool is_due(std::uint32_t due, std::uint32_t now) {
  return static_cast<std::int32_t>(now - due) >= 0;
}

}  // namespace

std::uint32_t NackGenerator::tick(Instant at) const {
  return static_cast<std::uint32_t>((at - origin_) / kTick);
}

void NackGenerator::forget(Slot& slot) {
  slot.is_missing = false;
  --pending_;
}

void NackGenerator::forget_all() {
  abandoned_ += pending_;
  pending_ = 0;
  ring_.fill({});
}

NackGenerator::Outcome NackGenerator::on_packet(ExtendedSequence sequence, Instant now) {
  const std::uint64_t number = sequence.value();
  if (!is_started_) {
    is_started_ = true;
    origin_ = now;
    highest_ = number;
    lowest_ = number;
    return Outcome::kInOrder;
  }
  if (number <= highest_) {
    if (number < lowest_ || pending_ == 0 || !slot(number).is_missing) {
      return Outcome::kOld;
    }
    learn(slot(number), now);
    forget(slot(number));
    return Outcome::kRecovered;
  }
  const std::uint64_t gap = number - highest_ - 1;
  if (gap > kMaxPending - pending_) {
    abandoned_ += gap;
    forget_all();
    highest_ = number;
    lowest_ = number;
    return Outcome::kTooLarge;
  }
  mark_missing(highest_ + 1, number, now);
  highest_ = number;
  return gap == 0 ? Outcome::kInOrder : Outcome::kGap;
}

void NackGenerator::mark_missing(std::uint64_t from, std::uint64_t to, Instant now) {
  // The ring reaches kRing back: what falls out is given up.
  for (; pending_ > 0 && lowest_ + kRing <= to; ++lowest_) {
    if (slot(lowest_).is_missing) {
      forget(slot(lowest_));
      ++abandoned_;
    }
  }
  if (pending_ == 0) {
    lowest_ = from;
    due_ = Instant::never();
  }
  if (from == to) {
    return;
  }
  const std::uint32_t since = tick(now);
  for (std::uint64_t number = from; number < to; ++number) {
    slot(number) = {since, since + ticks(kReorderDelay), 0, true};
  }
  pending_ += to - from;
  due_ = std::min(due_, now + kReorderDelay);
}

void NackGenerator::set_round_trip(Duration round_trip) {
  round_trip_ = round_trip;
}

void NackGenerator::learn(const Slot& recovered, Instant now) {
  if (recovered.tries == 0) {
    return;  // came by itself
  }
  const std::uint32_t asked = recovered.missing_since + ticks(kReorderDelay);
  const Duration taken = std::min<Duration>((tick(now) - asked) * kTick, kMaxInterval);
  learned_ = learned_ == Duration::zero() ? taken : (learned_ * 7 + taken) / 8;
}

Duration NackGenerator::interval() const {
  return std::clamp(std::max(round_trip_, learned_), kMinInterval, kMaxInterval);
}

std::size_t NackGenerator::poll(Instant now, std::span<SequenceNumber> out) {
  if (pending_ == 0 || now < due_) {
    return 0;
  }
  const std::uint32_t at = tick(now);
  std::size_t count = 0;
  std::uint32_t until_next = UINT32_MAX;
  std::uint64_t first_missing = highest_;
  for (std::uint64_t number = lowest_; number < highest_ && pending_ > 0; ++number) {
    Slot& candidate = slot(number);
    if (!candidate.is_missing) {
      continue;
    }
    const bool is_candidate_due = is_due(candidate.due, at);
    if (is_candidate_due &&
        (candidate.tries == kMaxRetries || at - candidate.missing_since > ticks(kMaxAge))) {
      forget(candidate);
      ++abandoned_;
      continue;
    }
    first_missing = std::min(first_missing, number);
    if (is_candidate_due && count < out.size()) {
      out[count++] = SequenceNumber(static_cast<std::uint16_t>(number));
      ++candidate.tries;
      candidate.due = at + ticks(interval());
    }
    until_next = std::min(until_next, is_due(candidate.due, at) ? 0 : candidate.due - at);
  }
  lowest_ = first_missing;
  due_ = pending_ == 0 ? Instant::never()
                       : origin_ + (now - origin_) / kTick * kTick + until_next * kTick;
  return count;
}

}  // namespace meridian::rtcp
