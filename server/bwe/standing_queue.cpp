#include "bwe/standing_queue.hpp"

#include <algorithm>

namespace meridian::bwe {
namespace {

Duration part(double factor, double of) {
  return Duration(static_cast<Duration::rep>(factor * of));
}

double count(Duration duration) {
  return static_cast<double>(duration.count());
}

}  // namespace

Duration StandingQueue::base(Duration delay, Instant received) {
  if (slots_ == 0 || received >= slot_ends_) {
    slot_ends_ = received + kBaseSlot;
    lowest_[slots_++ % kBaseSlots] = delay;
  }
  Duration& newest = lowest_[(slots_ - 1) % kBaseSlots];
  newest = std::min(newest, delay);
  Duration lowest = newest;
  for (std::size_t i = 0; i < std::min(slots_, kBaseSlots); ++i) {
    lowest = std::min(lowest, lowest_[i]);
  }
  return lowest;
}

void StandingQueue::end_late(Instant received) {
  const double length = count(received - late_since_);
  const bool is_trembling = all_turns_ > 0 && all_turns_ * count(kTremble) >= kMinTurns * length;
  length_ += (is_trembling ? kTrembleSmoothing : kSmoothing) * (length - length_);
  height_ += kSmoothing * (count(worst_) - height_);
  is_late_ = false;
}

void StandingQueue::begin_tremble(Instant received) {
  tremble_since_ = received;
  tremble_worst_ = excess_;
  turns_ = 0;
}

/// A queue fills and empties once in a while: what comes soon and late by turns doesn't wait in
/// one, although nothing comes as soon as on the empty way.
void StandingQueue::learn_trembling(Instant received) {
  tremble_worst_ = std::max(tremble_worst_, excess_);
  const bool was_much = is_much_;
  is_much_ = excess_ >= part(kLatePart, count(tremble_worst_));
  const int turn = was_much && !is_much_ ? 1 : 0;
  turns_ += turn;
  all_turns_ += turn;
  if (received - tremble_since_ < kTremble) {
    return;
  }
  if (turns_ >= kMinTurns) {
    height_ += kTrembleSmoothing * (count(tremble_worst_) - height_);
  }
  begin_tremble(received);
}

void StandingQueue::on_packet(const PacketResult& packet) {
  // The clocks are two: only differences of this mean something.
  const Duration delay = packet.received - packet.sent.sent_at;
  const bool is_behind = packet.sent.sent_at + kOutOfOrder < newest_sent_;
  shuffled_ += kShuffledSmoothing * ((is_behind ? 1.0 : 0.0) - shuffled_);
  newest_sent_ = std::max(newest_sent_, packet.sent.sent_at);
  empty_way_ = base(delay, packet.received);
  excess_ = delay - empty_way_;
  if (excess_ <= std::max(kLate, part(kLatePart, height_))) {
    if (is_late_) {
      end_late(packet.received);
    }
    is_standing_ = false;
    return;
  }
  if (!is_late_) {
    is_late_ = true;
    late_since_ = packet.received;
    worst_ = excess_;
    all_turns_ = 0;
    begin_tremble(packet.received);
  }
  learn_trembling(packet.received);
  worst_ = std::max(worst_, excess_);
  const Duration enough = std::clamp(part(kWhileFactor, length_), kMinWhile, kMaxWhile);
  is_standing_ = packet.received - late_since_ > enough;
}

}  // namespace meridian::bwe
