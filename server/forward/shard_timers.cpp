#include <algorithm>
#include <array>
#include <utility>

#include "forward/shard.hpp"

/// What a shard does because it is time. Nobody is looked at for whom nothing is due: feedback is
/// for those who send, layers for those who watch, probes for those of whom there is news; and each
/// has the time at which the next of it is due.
namespace meridian::forward {

static_assert(static_cast<std::size_t>(bwe::Limit::kSilence) + 1 ==
              metrics::EstimateGauges::kLimits);

Instant Shard::next_timeout() const {
  if (!attended_.empty() || !closed_sinks_.empty()) {
    return {};
  }
  return std::min(
      {next_feedback_, next_key_frame_, next_speakers_, next_rates_, next_transit_,
       watching_.empty() && publications_.empty() ? Instant::never() : next_selection_});
}

void Shard::attend(Peer& peer) {
  if (!std::exchange(peer.is_attended, true)) {
    attended_.push_back(&peer);
  }
}

void Shard::send_feedback(Instant now) {
  next_feedback_ = Instant::never();
  for (Peer* peer : receiving_) {
    config_.counters.peers_looked_at.increment();
    if (!peer->transport.is_connected()) {
      continue;  // what is due is sent once packets come again
    }
    if (peer->receiver.is_feedback_due(now)) {
      RtcpOutput output(peer->transport, config_.output, config_.counters);
      peer->receiver.send_feedback(output, now);
    }
    next_feedback_ = std::min(next_feedback_, peer->receiver.next_feedback());
  }
}

void Shard::probe(Peer& peer, Instant now) {
  if (peer.transport.can_send()) {
    peer.sender.send_probe(config_.output, config_.counters, now);
  }
  if (peer.sender.is_probing()) {
    attend(peer);
  }
}

void Shard::send_probes(Instant now) {
  std::erase_if(attended_, [&](Peer* peer) {
    config_.counters.peers_looked_at.increment();
    if (peer->transport.can_send()) {
      peer->sender.send_probe(config_.output, config_.counters, now);
    }
    peer->is_attended = peer->sender.is_probing();
    return !peer->is_attended;
  });
}

void Shard::tell_quality(Peer& peer, Instant now) {
  if (now < peer.next_quality || !peer.transport.is_connected()) {
    return;
  }
  peer.next_quality = now + kQualityInterval;
  const ReceiveStream::Loss loss = peer.receiver.take_loss();
  const float uplink =
      loss.expected > 0 ? static_cast<float>(loss.lost) / static_cast<float>(loss.expected) : 0;
  Duration round_trip = peer.sender.round_trip();
  if (round_trip == Duration::zero()) {
    round_trip = peer.transport.handshake_round_trip().value_or(Duration::zero());
  }
  events_.emplace_back(TransportQuality{.transport = peer.transport.id(),
                                        .uplink_loss = uplink,
                                        .downlink_loss = peer.sender.take_loss(),
                                        .round_trip = round_trip});
}

void Shard::count_estimates(Instant now) {
  using metrics::EstimateGauges;
  std::array<std::uint64_t, EstimateGauges::kBounds.size() + 1> by_rate{};
  std::array<std::uint64_t, EstimateGauges::kLimits> by_limit{};
  for (auto& [id, peer] : peers_) {
    if (const Downlink* downlink = peer->sender.downlink();
        downlink != nullptr && peer->transport.can_send()) {
      ++by_rate[EstimateGauges::bucket(downlink->estimate(now).value())];
      ++by_limit[static_cast<std::size_t>(downlink->estimator().limit())];
    }
  }
  EstimateGauges& gauges = config_.counters.estimates;
  for (std::size_t i = 0; i < by_rate.size(); ++i) {
    gauges.by_rate[i].set(by_rate[i]);
  }
  for (std::size_t i = 0; i < by_limit.size(); ++i) {
    gauges.by_limit[i].set(by_limit[i]);
  }
}

void Shard::update_ladders(Instant now) {
  const bool is_due = now >= next_ladders_;
  for (auto& [id, publication] : publications_) {
    if (!publication->is_video() || publication->layer_count() == 0) {
      continue;
    }
    if (is_due && publication->sink() == nullptr) {
      publication->rates().update(now);
      send_rates(*publication);
    }
    publication->update_ladder();
  }
  if (is_due) {
    next_ladders_ = now + LayerRates::kInterval;
  }
}

void Shard::count_limits() {
  std::uint64_t limited = 0;
  std::uint64_t paused = 0;
  for (const auto& [id, subscription] : subscriptions_) {
    limited += subscription->is_limited() ? 1 : 0;
    paused += subscription->is_paused() ? 1 : 0;
  }
  config_.counters.videos_limited.set(limited);
  config_.counters.videos_paused.set(paused);
  std::uint64_t waiting = 0;
  for (const Sender* sender : waiting_) {
    waiting += sender->waiting();
  }
  config_.counters.packets_waiting.set(waiting);
}

void Shard::select(Peer& peer, Instant now) {
  config_.counters.peers_looked_at.increment();
  if (!peer.transport.can_send()) {
    return;
  }
  RtcpOutput output(peer.transport, config_.output, config_.counters);
  peer.sender.send_reports(output, now);
  peer.sender.handle_timeout(now);
  peer.sender.allocate(now, events_, small_);
  config_.counters.drop(metrics::DropReason::kPacedOut, peer.sender.take_back_unwanted());
  probe(peer, now);
}

void Shard::watch(Peer& peer, Instant now) {
  peer.watched_until = now + kNewsTime;
  if (!std::exchange(peer.is_watching, true)) {
    watching_.push_back(&peer);
  }
}

void Shard::set_clock(Publication& publication, std::uint8_t layer, const rtcp::SourceClock& clock,
                      Instant now) {
  if (!std::exchange(publication.layer(layer).clock, clock)) {
    for (Subscription* subscription : publication.subscriptions()) {
      if (Peer* peer = find_peer(subscription->sender().transport())) {
        watch(*peer, now);
      }
    }
  }
}

void Shard::select_layers(Instant now) {
  next_selection_ = now + kSelectionInterval;
  update_ladders(now);
  std::erase_if(watching_, [&](Peer* peer) {
    select(*peer, now);
    peer->is_watching = peer->sender.videos() > 0 || now < peer->watched_until;
    return !peer->is_watching;
  });
  for (auto& [id, publication] : publications_) {
    // What is wished for of sound only changes by a command.
    if (publication->is_video() || publication->sink() != nullptr ||
        publication->take_lost_wishes()) {
      follow_wishes(*publication, now);
    }
  }
}

void Shard::update_rates(Instant now) {
  const Duration elapsed = now - last_rates_;
  next_rates_ = now + kRateInterval;
  last_rates_ = now;
  for (auto& [id, peer] : peers_) {
    tell_quality(*peer, now);
    if (!peer->is_watching) {
      select(*peer, now);
    }
    peer->sender.update_rates(elapsed);
    if (auto report = peer->sender.report()) {
      events_.emplace_back(*std::move(report));
    }
  }
  for (auto& [id, publication] : publications_) {
    publication->release_history(now);
  }
  count_estimates(now);
  count_limits();
}

void Shard::poll_speakers(Instant now) {
  next_speakers_ = Instant::never();
  for (auto room = speakers_.begin(); room != speakers_.end();) {
    if (auto changes = room->second.poll(now); !changes.empty()) {
      events_.emplace_back(SpeakersChanged{.room = room->first, .speakers = std::move(changes)});
    }
    next_speakers_ = std::min(next_speakers_, room->second.next_timeout());
    room = room->second.empty() ? speakers_.erase(room) : std::next(room);
  }
}

void Shard::handle_timeout(Instant now) {
  if (now >= next_feedback_) {
    send_feedback(now);
  }
  if (now >= next_selection_) {
    select_layers(now);
  }
  if (now >= next_rates_) {
    update_rates(now);
  }
  send_probes(now);
  if (now >= next_key_frame_) {
    next_key_frame_ = Instant::never();
    for (auto& [id, publication] : publications_) {
      send_key_frame_requests(*publication, now);
    }
  }
  if (now >= next_transit_) {
    for (auto& [id, publication] : publications_) {
      report_relays(*publication);
    }
    next_transit_ = now + kTransitInterval;
  }
  closed_sinks_.poll(now, events_);
  if (now >= next_speakers_) {
    poll_speakers(now);
  }
}

}  // namespace meridian::forward
