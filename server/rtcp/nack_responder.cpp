#include "rtcp/nack_responder.hpp"

#include <algorithm>

namespace meridian::rtcp {
namespace {

/// Longer than any history that could still hold the packet: a remembered reply older than this is
/// about another packet with the same 16 bits.
constexpr Duration kForgetAfter = 5s;
/// Bounds the arithmetic of refill() to 64 bits.
constexpr std::uint64_t kMaxBudget = 10'000'000'000;

std::uint16_t milliseconds(Instant at) {
  return static_cast<std::uint16_t>(at.since_origin().count() / 1'000'000);
}

Duration elapsed_since(std::uint16_t earlier, Instant now) {
  return std::chrono::milliseconds(static_cast<std::uint16_t>(milliseconds(now) - earlier));
}

}  // namespace

void NackResponder::set_round_trip(Duration round_trip) {
  repeat_delay_ =
      round_trip <= Duration::zero() ? kFirstRepeatDelay : std::min(round_trip, kMaxRepeatDelay);
}

void NackResponder::set_stream_rate(Bitrate rate) {
  budget_ =
      Bitrate(std::clamp(rate.value() * kBudgetPercent / 100, kMinBudget.value(), kMaxBudget));
}

void NackResponder::refill(Instant now) {
  const std::uint64_t full = budget_.value() / 8;
  const Duration elapsed = is_started_ ? std::max(now - refilled_at_, Duration{}) : 1s;
  is_started_ = true;
  if (elapsed >= 1s) {
    tokens_ = full;
    refilled_at_ = now;
    return;
  }
  const std::uint64_t earned = full * static_cast<std::uint64_t>(elapsed.count()) / 1'000'000'000U;
  if (earned > 0) {  // otherwise let the time add up
    refilled_at_ = now;
  }
  tokens_ = std::min(tokens_ + earned, full);
}

NackResponder::Decision NackResponder::decide(SequenceNumber sequence, std::size_t size,
                                              Instant now) {
  Reply& reply = replies_[sequence.value() % kWindow];
  if (reply.count > 0 && elapsed_since(reply.at, now) > kForgetAfter) {
    reply.count = 0;
  }
  if (reply.count > 0 && reply.sequence != sequence) {
    if (reply.sequence.is_newer_than(sequence)) {
      return Decision::kTooOld;
    }
    reply.count = 0;
  }
  if (reply.count >= kMaxReplies) {
    return Decision::kTooOften;
  }
  if (reply.count > 0 && elapsed_since(reply.at, now) < repeat_delay_) {
    return Decision::kTooSoon;
  }
  refill(now);
  if (size > tokens_) {
    return Decision::kOverBudget;
  }
  tokens_ -= size;
  reply = {milliseconds(now), sequence, static_cast<std::uint8_t>(reply.count + 1)};
  return Decision::kResend;
}

}  // namespace meridian::rtcp
