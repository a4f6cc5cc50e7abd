#include "bwe/send_side_estimator.hpp"

#include <algorithm>

namespace meridian::bwe {

SendSideEstimator::SendSideEstimator(Bitrate max)
    : aimd_(kStart, kMin, max),
      loss_(kMin, max),
      probes_(max),
      remb_(max),
      reports_(kStart, kMin, max) {
  alr_.set_estimate(kStart);
  probes_.on_estimate(kStart, Instant{});
}

void SendSideEstimator::on_sent(std::size_t bytes, Instant now) {
  alr_.on_sent(bytes, now);
  last_sent_ = now;
}

void SendSideEstimator::on_feedback(std::span<PacketResult> results,
                                    std::optional<Duration> round_trip, Instant now) {
  if (results.empty()) {
    return;
  }
  if (!last_feedback_.is_never() && now - last_feedback_ > kStreamTimeout) {
    groups_.reset();
    detector_.reset();
    queue_.reset();
    overflow_.reset();
  }
  has_feedback_ = true;
  last_feedback_ = now;
  silence_factor_ = 1;
  if (round_trip) {
    round_trip_ = *round_trip;
    aimd_.set_round_trip(*round_trip);
  }
  // What was lost has the latest time there is, and ends behind all that arrived.
  std::ranges::sort(results, {}, &PacketResult::received);
  for (const PacketResult& result : results) {
    if (!result.is_found()) {
      overflow_.on_packet(result.is_lost());
    }
  }
  const auto lost = std::ranges::find_if(results, &PacketResult::is_lost);
  std::optional<Bitrate> probed;
  take_delays({results.begin(), lost}, now, probed);
  update_delay_based(probed, now);
  if (probed) {
    loss_.on_probe(*probed, aimd_.estimate());
  }
  loss_.update(results, aimd_.estimate(), is_overflowing() ? rate_when_full() : acknowledged(),
               alr_.is_active());
  combine(now);
}

void SendSideEstimator::take_delays(std::span<const PacketResult> arrived, Instant now,
                                    std::optional<Bitrate>& probed) {
  for (const PacketResult& packet : arrived) {
    acknowledged_.on_packet(packet);
    queue_.on_packet(packet);
    if (const auto delta = groups_.on_packet(packet, now)) {
      detector_.on_delta(*delta, packet.received);
    }
    if (const auto rate = probe_estimator_.on_packet(packet, loss_.inherent().value())) {
      probed = std::max(*rate, probed.value_or(Bitrate(0)));
    }
  }
}

std::optional<Bitrate> SendSideEstimator::acknowledged() const {
  const auto rate = acknowledged_.rate();
  return rate ? std::optional(to_bitrate(loss_.inherent().sent_rate(to_double(*rate)))) : rate;
}

bool SendSideEstimator::is_overflowing() const {
  return queue_.is_standing() && !queue_.is_shuffled() && queue_.excess() > kFullQueue &&
         overflow_.is_overflowing(loss_.inherent().value());
}

bool SendSideEstimator::is_draining(Instant now) const {
  return queue_.is_standing() && queue_.excess() > kFullQueue && !overflowed_at_.is_never() &&
         now - overflowed_at_ < kDrainTime;
}

DelayState SendSideEstimator::delay_state() const {
  if (is_overflowing()) {
    return DelayState::kOveruse;
  }
  const bool is_nothing = detector_.state() == DelayState::kOveruse || queue_.is_shuffled();
  return is_nothing && !queue_.is_standing() ? DelayState::kNormal : detector_.state();
}

/// What goes through while more is sent than that. The last second knows of the time before, too:
/// where a queue overflows, what arrived since it stands is all that the way carries. It also knows
/// of pauses: where pictures wait behind each other, what came while they did is what it carries.
Bitrate SendSideEstimator::rate_when_full() const {
  const Bitrate rate = acknowledged().value_or(Bitrate(aimd_.estimate().value() / 2));
  if (!queue_.is_standing() || queue_.is_shuffled()) {
    return rate;
  }
  const Instant since = queue_.standing_since();
  const auto all = acknowledged_.received_since(since);
  const auto through =
      is_overflowing() ? all : std::max(all, acknowledged_.queued_since(since, queue_.empty_way()));
  if (!through) {
    return rate;
  }
  const double carried = loss_.inherent().sent_rate(to_double(*through));
  return is_overflowing()
             ? to_bitrate(carried)
             : to_bitrate(std::clamp(carried, to_double(rate), kMostQueued * to_double(rate)));
}

void SendSideEstimator::update_delay_based(std::optional<Bitrate> probed, Instant now) {
  const auto acknowledged = this->acknowledged();
  aimd_.set_in_alr(alr_.is_active() && !queue_.is_shuffled());
  aimd_.set_trusted(queue_.is_shuffled() ? AimdControl::kTrustedUnprobed : AimdControl::kTrusted);
  const DelayState state = delay_state();
  overflowed_at_ = is_overflowing() ? now : overflowed_at_;
  if (probed) {
    has_need_ended_ |= probes_.ends_need(*probed);
    probes_.on_result(*probed, now);
    probed_ = *probed;
    probed_at_ = now;
  }
  if (state == DelayState::kOveruse) {
    probes_.on_overuse(now);
    if (now < probing_until_) {
      return;  // the queue that a probe fills on purpose; a real one is there afterwards, too
    }
    const Bitrate rate = rate_when_full();
    if (aimd_.may_decrease_again(rate, now)) {
      probed_at_ = Instant::never();
      aimd_.update(state, rate, now);
      limit_ = Limit::kDelay;
      is_in_start_ = false;
    }
    return;
  }
  if (probed && *probed > aimd_.estimate()) {
    aimd_.set_estimate(*probed, now);
    limit_ = Limit::kProbe;
    return;
  }
  const Bitrate before = aimd_.estimate();
  // Without anything acknowledged yet there is nothing that allows more.
  if (acknowledged && aimd_.update(state, acknowledged, now) > before) {
    limit_ = Limit::kDelay;
  }
}

void SendSideEstimator::combine(Instant now) {
  target_ = aimd_.estimate();
  if (const auto loss = loss_.estimate(); loss && *loss < target_) {
    target_ = *loss;
    limit_ = Limit::kLoss;
    is_in_start_ = false;
  }
  target_ = std::max(target_, kMin);
  alr_.set_estimate(target_);
  probes_.set_inherent_loss(loss_.inherent().value());
  probes_.on_estimate(std::min(target_, shown(now).value_or(target_)), now);
}

std::optional<Bitrate> SendSideEstimator::shown(Instant now) const {
  const auto through = acknowledged();
  if (!has_feedback_ || queue_.is_shuffled() || is_in_start_ || !through) {
    return std::nullopt;
  }
  const bool is_probed = !probed_at_.is_never() && now - probed_at_ < kShownTime;
  return is_probed ? std::max(*through, probed_) : *through;
}

void SendSideEstimator::on_reported_loss(double loss, Bitrate sent, Duration round_trip,
                                         Instant now) {
  if (has_feedback_) {
    return;
  }
  round_trip_ = round_trip > Duration::zero() ? round_trip : round_trip_;
  reports_.on_report(loss, sent, round_trip_, now);
  target_ = reports_.estimate();
  limit_ = Limit::kReports;
}

void SendSideEstimator::on_remb(Bitrate claimed, Instant now) {
  remb_.on_remb(claimed, now);
  if (const auto estimate = remb_.estimate(now); estimate && !has_feedback_) {
    reports_.raise(*estimate);
    target_ = reports_.estimate();
  }
}

void SendSideEstimator::handle_timeout(Instant now) {
  alr_.advance(now);
  // Where nothing is sent, nothing tells that the queue has emptied: without that nobody would ever
  // find out by a probe that the way carries something again.
  if (has_feedback_ && now - last_feedback_ > kQueueMemory &&
      delay_state() != DelayState::kNormal) {
    groups_.reset();
    detector_.reset();
    queue_.forget();
  }
  const bool is_silent = has_feedback_ && !last_sent_.is_never() &&
                         last_sent_ > last_feedback_ + kSilence / 2 &&
                         now - last_feedback_ > kSilence;
  if (!is_silent) {
    next_silence_step_ = now;
    return;
  }
  if (now >= next_silence_step_) {
    next_silence_step_ = now + kSilenceStep;
    silence_factor_ *= kSilenceFactor;
    limit_ = Limit::kSilence;
  }
}

Bitrate SendSideEstimator::estimate(Instant now) const {
  Bitrate estimate = to_bitrate(to_double(target_) * silence_factor_);
  // A browser with transport-wide feedback may send REMB all the same: then it is no news.
  if (const auto claimed = remb_.estimate(now); claimed && !has_feedback_) {
    estimate = std::min(estimate, *claimed);
  }
  return std::max(estimate, kMin);
}

std::optional<Probe> SendSideEstimator::poll_probe(Instant now) {
  if (!has_feedback_ || delay_state() == DelayState::kOveruse) {
    return std::nullopt;
  }
  auto probe = probes_.poll(now);
  if (probe) {
    probe_estimator_.on_probe(*probe);
    probing_until_ = now + round_trip_ + kProbeSettle;
  }
  return probe;
}

}  // namespace meridian::bwe
