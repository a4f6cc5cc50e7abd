#include "bwe/inherent_loss.hpp"

#include <algorithm>
#include <cmath>

#include "bwe/packet_result.hpp"

namespace meridian::bwe {
namespace {

/// Of the way from what was thought to what was seen, in one slot.
constexpr double kFollow = 0.2;
constexpr double kCorrect = 0.5;
/// What chance alone explains, in standard deviations.
constexpr double kChance = 2;

double loss_of(const InherentLoss::Sample& sample) {
  return sample.packets > 0 ? std::clamp(sample.lost / sample.packets, 0.0, 1.0) : 0;
}

double sent_rate_of(const InherentLoss::Sample& sample) {
  return sample.bytes / seconds(sample.time);
}

double arrived_rate_of(const InherentLoss::Sample& sample) {
  return (sample.bytes - sample.lost_bytes) / seconds(sample.time);
}

}  // namespace

void InherentLoss::merge(Sample& sum, const Sample& sample) {
  sum.packets += sample.packets;
  sum.lost += sample.lost;
  sum.bytes += sample.bytes;
  sum.lost_bytes += sample.lost_bytes;
  sum.time += sample.time;
}

void InherentLoss::add(const Sample& sample) {
  merge(partial_, sample);
  if (partial_.time < kSlotTime || partial_.packets < kMinPackets) {
    return;
  }
  take(partial_);
  slots_[count_++ % kSlots] = partial_;
  partial_ = {};
}

void InherentLoss::take(const Sample& slot) {
  const double loss = loss_of(slot);
  const double deviation = kChance * std::sqrt(value_ * (1 - value_) / slot.packets);
  if (loss < value_ - deviation) {
    value_ += kCorrect * (loss - value_);
  } else if (loss <= value_ + deviation && sent_rate_of(slot) <= kProven * proven_rate_) {
    value_ += kFollow * (loss - value_);
  }
  compare(slot);
}

/// With each of the last seconds in which clearly less or more was sent.
void InherentLoss::compare(const Sample& slot) {
  double most = value_;
  for (std::size_t i = 0; i < std::min(count_, kSlots); ++i) {
    const bool is_slower = sent_rate_of(slots_[i]) < sent_rate_of(slot);
    const Sample& less = is_slower ? slots_[i] : slot;
    const Sample& more = is_slower ? slot : slots_[i];
    const double ratio = sent_rate_of(more) / sent_rate_of(less);
    const double inherent = std::min({loss_of(less), loss_of(more), kMax});
    if (ratio >= kRateRatio && inherent > most &&
        arrived_rate_of(more) >= kArrived * ratio * arrived_rate_of(less)) {
      most = inherent;
      proven_rate_ = sent_rate_of(more);
    }
  }
  value_ += kCorrect * (most - value_);
}

}  // namespace meridian::bwe
