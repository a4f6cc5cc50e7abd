#include "forward/downlink.hpp"

#include <algorithm>

namespace meridian::forward {

void Downlink::on_sent(std::size_t size, Copy copy, Numbered numbered, bwe::ProbeCluster cluster,
                       Instant now) {
  first_sent_ = std::min(first_sent_, now);
  sent_bytes_ += size;
  const bool is_resent = copy == Copy::kRetransmission && cluster == bwe::kNoCluster;
  resent_bytes_ += is_resent ? size : 0;
  unnumbered_bytes_ += is_resent && numbered == Numbered::kNo ? size : 0;
  if (numbered == Numbered::kYes) {
    probe_media_bytes_ += cluster == bwe::kNoCluster ? size : 0;
    history_.on_sent(size, cluster == bwe::kNoCluster ? probe_ : cluster, now);
    estimator_.on_sent(size, now);
  }
}

bool Downlink::may_resend(std::size_t size, Instant now) {
  const auto estimate = known_estimate(now);
  if (!estimate) {
    return true;
  }
  // The estimate follows a way that became narrow with a delay; what arrives doesn't.
  const Bitrate carried = std::min(*estimate, estimator_.acknowledged().value_or(*estimate));
  resend_budget_.set_rate(carried.value() * kResendPercent / 100 / 8, kResendBurst);
  return resend_budget_.take(size, now);
}

void Downlink::handle_feedback(const rtcp::TransportFeedback& feedback, Instant now) {
  bwe::FeedbackResults results;
  history_.begin_feedback();
  rtcp::StatusCursor statuses = feedback.statuses();
  while (const auto status = statuses.next()) {
    const auto result = history_.take(status->sequence, status->arrival);
    if (!result) {
      continue;
    }
    if (result->is_found()) {
      told_lost_ -= std::min<std::uint64_t>(told_lost_, 1);
    } else {
      ++told_packets_;
      told_lost_ += result->is_lost() ? 1 : 0;
    }
    results.add(*result);
    if (results.is_full()) {
      tell(results, now);
    }
  }
  tell(results, now);
}

void Downlink::tell(bwe::FeedbackResults& results, Instant now) {
  if (results.empty()) {
    return;
  }
  has_heard_ = true;
  const auto newest = history_.newest_sent();
  const Bitrate before = estimator_.estimate(now);
  estimator_.on_feedback(results.all(), newest ? std::optional(now - *newest) : std::nullopt, now);
  has_probed_ |= estimator_.take_need_ended() ||
                 (estimator_.limit() == bwe::Limit::kProbe && estimator_.estimate(now) > before);
  results.clear();
}

void Downlink::handle_report(double loss, Duration round_trip, Instant now) {
  has_heard_ = true;
  estimator_.on_reported_loss(loss, sent_rate_, round_trip, now);
}

void Downlink::update_rate(Duration elapsed) {
  if (elapsed > Duration::zero()) {
    sent_rate_ = bwe::to_bitrate(bwe::rate_of(static_cast<double>(sent_bytes_), elapsed));
    const auto smooth = [&](Bitrate before, std::uint64_t bytes) {
      const Bitrate rate = bwe::to_bitrate(bwe::rate_of(static_cast<double>(bytes), elapsed));
      return Bitrate((before.value() + rate.value()) / 2);
    };
    retransmission_rate_ = smooth(retransmission_rate_, resent_bytes_);
    unnumbered_rate_ = smooth(unnumbered_rate_, unnumbered_bytes_);
  }
  resent_bytes_ = 0;
  unnumbered_bytes_ = 0;
  sent_bytes_ = 0;
}

float Downlink::take_loss() {
  const float loss =
      told_packets_ > 0 ? static_cast<float>(told_lost_) / static_cast<float>(told_packets_) : 0.0F;
  told_packets_ = 0;
  told_lost_ = 0;
  return loss;
}

}  // namespace meridian::forward
