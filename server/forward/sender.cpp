#include "forward/sender.hpp"

#include <algorithm>

#include "forward/publication.hpp"
#include "forward/relay_sink.hpp"

namespace meridian::forward {
namespace {

/// Below half of the number space, so that the rollover counter is never in doubt at the start, and
/// one cycle up, like every extended sequence number.
ExtendedSequence random_sequence(RandomSource& random) {
  return ExtendedSequence(0x10000U + (random.u32() & 0x3fffU) + 1);
}

EstimateReason reason_of(bwe::Limit limit) {
  static_assert(static_cast<int>(EstimateReason::kSilence) ==
                static_cast<int>(bwe::Limit::kSilence));
  return static_cast<EstimateReason>(limit);
}

VideoShare share_of(const Subscription& subscription) {
  using State = VideoShare::State;
  const Rung rung = subscription.allocated().value_or(Rung{});
  State state = subscription.is_limited() ? State::kLimited : State::kWhole;
  if (subscription.is_paused()) {
    state = State::kPaused;
  }
  if (!subscription.target().is_enabled) {
    state = State::kHidden;
  } else if (subscription.publication().is_muted()) {
    state = State::kMuted;
  }
  return {.publication = subscription.publication().id(),
          .state = state,
          .spatial = rung.spatial,
          .temporal = rung.temporal,
          .rate = subscription.rate(),
          .awaited = subscription.awaits_key_frame(subscription.publication().view())};
}

}  // namespace

FirstSequences Sender::first_sequences(Ssrc ssrc, Ssrc rtx, RandomSource& random) const {
  const auto of = [&](Ssrc source) {
    const auto retired = retired_.find(source);
    return retired != retired_.end() ? retired->second : random_sequence(random);
  };
  return {.media = of(ssrc), .rtx = of(rtx)};
}

bool Sender::add(Subscription& subscription) {
  const Ssrc rtx = subscription.rtx_ssrc();
  const bool is_taken = by_ssrc_.contains(subscription.ssrc()) ||
                        (rtx != Ssrc{} && by_ssrc_.contains(rtx)) || subscription.ssrc() == rtx;
  if (is_taken || subscriptions_.size() >= kMaxSubscriptions || retired_.size() >= kMaxRetired) {
    return false;
  }
  if (!transport_.add_send_stream(subscription.ssrc()) ||
      (rtx != Ssrc{} && !transport_.add_send_stream(rtx))) {
    return false;
  }
  if (downlink_ == nullptr) {
    downlink_ = std::make_unique<Downlink>();
    pacing_ = std::make_unique<Pacing>();
  }
  if (sound_ == nullptr && subscription.keeps_sound()) {
    sound_ = std::make_unique<SoundHistory>();
  }
  subscriptions_.push_back(&subscription);
  videos_ += subscription.publication().is_video() ? 1 : 0;
  by_ssrc_.emplace(subscription.ssrc(), &subscription);
  // So that feedback never allocates.
  full_intra_.emplace(subscription.ssrc(), 0);
  return true;
}

std::size_t Sender::remove(Subscription& subscription) {
  std::erase(subscriptions_, &subscription);
  videos_ -= subscription.publication().is_video() ? 1 : 0;
  by_ssrc_.erase(subscription.ssrc());
  full_intra_.erase(subscription.ssrc());
  std::size_t waited = 0;
  pacing_->remove(subscription, [&](const WaitingPacket&) { ++waited; });
  const FirstSequences next = subscription.next_sequences();
  retired_.insert_or_assign(subscription.ssrc(), next.media);
  if (subscription.rtx_ssrc() != Ssrc{}) {
    retired_.insert_or_assign(subscription.rtx_ssrc(), next.rtx);
  }
  return waited;
}

Subscription* Sender::find(Ssrc ssrc) const {
  const auto found = by_ssrc_.find(ssrc);
  return found != by_ssrc_.end() ? found->second : nullptr;
}

void Sender::handle_nack(const rtcp::Nack& nack, Outlet& outlet) {
  Subscription* subscription = find(nack.media);
  if (subscription == nullptr) {
    return;
  }
  rtcp::NackCursor cursor = nack.sequences();
  while (const auto sequence = cursor.next()) {
    subscription->retransmit(*sequence, outlet);
  }
}

void Sender::handle_report_blocks(const rtcp::ReportBlocks& blocks, Instant now) {
  double lost = 0;
  double sent = 0;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const rtcp::ReportBlock block = blocks[i];
    if (Subscription* subscription = find(block.ssrc)) {
      // A stream that hardly sends says little about the way: weighted by what is sent.
      const double weight = 1 + bwe::to_double(subscription->rate());
      lost += weight * block.fraction_lost / 256.0;
      sent += weight;
      if (const auto round_trip = subscription->handle_report_block(block, now)) {
        // Smoothed as TCP does (RFC 6298).
        round_trip_ =
            round_trip_ == Duration::zero() ? *round_trip : (round_trip_ * 7 + *round_trip) / 8;
      }
    }
  }
  if (sound_ != nullptr) {
    sound_->set_round_trip(round_trip_);
  }
  if (sent > 0) {
    downlink_->handle_report(lost / sent, round_trip_, now);
  }
}

void Sender::handle_remb(const rtcp::Remb& remb, Instant now) {
  if (downlink_ != nullptr) {
    downlink_->handle_remb(remb.bitrate, now);
  }
}

void Sender::handle_transport_feedback(const rtcp::TransportFeedback& feedback, Instant now) {
  if (downlink_ != nullptr) {
    downlink_->handle_feedback(feedback, now);
  }
}

void Sender::handle_timeout(Instant now) {
  if (downlink_ != nullptr) {
    downlink_->handle_timeout(now);
  }
}

void Sender::allocate(Instant now, std::vector<Event>& events, LayerAllocation::Small small) {
  if (downlink_ != nullptr) {
    allocation_.update(transport_.id(), subscriptions_, *downlink_, small, now, events);
    pace(now);
  }
}

std::size_t Sender::take_back_unwanted() {
  std::size_t count = 0;
  for (Subscription* subscription : subscriptions_) {
    if (subscription->has_waiting() && !subscription->allowed().is_enabled) {
      count += subscription->take_back_waiting(*pacing_);
    }
  }
  return count;
}

void Sender::pace(Instant now) {
  const Division& division = allocation_.division();
  // Who never says what arrives isn't held back.
  if (!division.estimate || !downlink_->has_heard()) {
    pacing_->set_rate(std::nullopt, Pacer::Delay::kNormal, now);
    return;
  }
  const double given = bwe::to_double(division.reserved) + bwe::to_double(division.video);
  const double rate =
      std::max(kPacedShare * bwe::to_double(*division.estimate), kPacedHeadroom * given);
  const bool is_growing = downlink_->estimator().delay_state() == bwe::DelayState::kOveruse;
  pacing_->set_rate(bwe::to_bitrate(rate),
                    is_growing ? Pacer::Delay::kGrowing : Pacer::Delay::kNormal, now);
}

void Sender::release(transport::SendBatch& batch, metrics::WorkerCounters& counters, Instant now) {
  if (next_release(now) > now) {
    return;
  }
  Outlet out = outlet(batch, counters, now);
  while (Subscription* late = pacing_->late(now)) {
    late->give_up(out);
  }
  while (const auto released = pacing_->release(now)) {
    released->packet.subscription->release(*released, out);
  }
}

Subscription* Sender::find_carrier() const {
  const auto carrier = std::ranges::find_if(subscriptions_, &Subscription::can_pad);
  return carrier != subscriptions_.end() ? *carrier : nullptr;
}

void Sender::send_probe(transport::SendBatch& batch, metrics::WorkerCounters& counters,
                        Instant now) {
  if (downlink_ == nullptr) {
    return;
  }
  Subscription* carrier = find_carrier();
  if (!probe_.is_active()) {
    const auto probe = carrier != nullptr ? downlink_->estimator().poll_probe(now) : std::nullopt;
    if (!probe) {
      return;
    }
    probe_.begin(*probe, kMostPadding, now);
    downlink_->set_probe(probe->cluster);
  }
  probe_.on_sent(downlink_->take_probe_media());
  Outlet out = outlet(batch, counters, now);
  for (std::size_t due = probe_.take_due(now); due > 0;) {
    const std::size_t sent = carrier != nullptr ? carrier->send_padding(probe_.cluster(), out) : 0;
    if (sent == 0) {
      probe_.stop();
      break;
    }
    probe_.on_sent(sent);
    due -= std::min(due, sent);
  }
  if (!probe_.is_active()) {
    downlink_->set_probe(bwe::kNoCluster);
  }
}

std::optional<DownlinkReport> Sender::report() const {
  if (downlink_ == nullptr) {
    return std::nullopt;
  }
  const Division& division = allocation_.division();
  DownlinkReport report{.transport = transport_.id(),
                        .estimate = division.estimate,
                        .reason = reason_of(downlink_->estimator().limit()),
                        .sent = downlink_->sent_rate(),
                        .reserved = division.reserved,
                        .video = division.video,
                        .wished = division.wished,
                        .loss = static_cast<float>(downlink_->estimator().loss()),
                        .round_trip = round_trip_,
                        .videos = {}};
  for (const Subscription* subscription : subscriptions_) {
    if (subscription->publication().is_video()) {
      report.videos.push_back(share_of(*subscription));
    }
  }
  return report;
}

bool Sender::is_new_full_intra(const rtcp::FullIntraItem& item) {
  const auto last = full_intra_.find(item.media);
  if (last == full_intra_.end()) {
    return false;
  }
  // Kept with one added, so that 0 means none yet.
  const auto mark = static_cast<std::uint8_t>(item.sequence + 1);
  if (last->second == mark) {
    return false;
  }
  last->second = mark;
  return true;
}

void Sender::send_reports(RtcpOutput& output, Instant now) {
  for (Subscription* subscription : subscriptions_) {
    const auto report = subscription->poll_report(now);
    if (!report) {
      continue;
    }
    output.add([&](auto& writer) {
      std::span<const rtcp::ReportBlock> none;
      return writer.add_sender_report(*report, none);
    });
    output.add([&](auto& writer) {
      return writer.add_cname(subscription->ssrc(), subscription->cname());
    });
  }
}

void Sender::update_rates(Duration elapsed) {
  for (Subscription* subscription : subscriptions_) {
    subscription->update_rate(elapsed);
  }
  if (downlink_ != nullptr) {
    downlink_->update_rate(elapsed);
  }
}

float Sender::take_loss() {
  float worst = 0;
  for (Subscription* subscription : subscriptions_) {
    worst = std::max(worst, subscription->take_reported_loss().value_or(0));
  }
  return downlink_ != nullptr ? std::max(worst, downlink_->take_loss()) : worst;
}

}  // namespace meridian::forward
