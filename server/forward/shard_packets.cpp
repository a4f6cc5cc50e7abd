#include <algorithm>
#include <array>
#include <variant>

#include "forward/frame_padding.hpp"
#include "forward/relay_sink.hpp"
#include "forward/shard.hpp"

/// The packet path of a shard.
namespace meridian::forward {
namespace {

using Packets = std::span<const MediaPacket* const>;

/// Of fewer subscribers all that is needed is in the cache anyway: from the turn before, or from
/// the packet of another publisher.
constexpr std::size_t kMany = 24;

/// So many packets to one subscriber make a message of which each further one costs little.
constexpr std::size_t kBurst = 4;

/// Where the frame ends that begins at `first`: packets of one layer and timestamp that follow each
/// other.
std::size_t frame_end(std::span<const PendingPacket> pending, Packets packets, std::size_t first) {
  std::size_t end = first + 1;
  while (end < pending.size() && packets[end] != nullptr && packets[first] != nullptr &&
         pending[end].layer == pending[first].layer &&
         packets[end]->timestamp == packets[first]->timestamp) {
    ++end;
  }
  return end;
}

/// All that makes the size of one packet another than the next one's, whoever gets it.
std::size_t varying_size(const MediaPacket& packet) {
  return packet.payload.size() + packet.descriptor.size() + packet.extensions.capture_time_size +
         (packet.extensions.video_orientation ? 1U : 0U);
}

/// Whether any frame would leave in more than one message as it is.
bool has_uneven_frame(std::span<const PendingPacket> pending, Packets packets) {
  for (std::size_t first = 0, end = 0; first < pending.size(); first = end) {
    end = frame_end(pending, packets, first);
    for (std::size_t i = first + 1; i < end; ++i) {
      const std::size_t size = varying_size(*packets[i]);
      const std::size_t expected = varying_size(*packets[first]);
      if (size > expected || (size < expected && i + 1 < end)) {
        return true;
      }
    }
  }
  return false;
}

/// What each packet gets for this subscriber.
void plan_padding(const Subscription& subscription, std::span<const PendingPacket> pending,
                  Packets packets, const LayerView& view, std::span<std::uint8_t> padding) {
  std::array<std::size_t, Publication::kMaxPending> sizes{};
  for (std::size_t first = 0, end = 0; first < pending.size(); first = end) {
    end = frame_end(pending, packets, first);
    const auto planned = padding.subspan(first, end - first);
    if (packets[first] == nullptr || !subscription.may_pad(pending[first].layer, view)) {
      std::ranges::fill(planned, std::uint8_t{0});
      continue;
    }
    for (std::size_t i = first; i < end; ++i) {
      sizes[i] = subscription.sent_size(*packets[i]);
    }
    FramePadding::plan(std::span(sizes).subspan(first, end - first), planned);
  }
}

/// The packets of a layer from `first` to its newest; nothing when one of them is missing, e.g.
/// since the layer was not relayed for a while, or there are more than `out` holds.
std::size_t collect_from(const Publication& publication, const PendingPacket& first,
                         std::span<const MediaPacket*> out) {
  const std::uint64_t newest = publication.layer(first.layer).newest.value();
  const std::uint64_t count = newest + 1 - first.sequence.value();
  if (count > out.size()) {
    return 0;
  }
  for (std::uint64_t i = 0; i < count; ++i) {
    out[i] = publication.find({.layer = first.layer,
                               .generation = first.generation,
                               .sequence = ExtendedSequence(first.sequence.value() + i)});
    if (out[i] == nullptr) {
      return 0;
    }
  }
  return count;
}

/// Subscribers are in a dozen places of the memory that point to each other. Each step is one place
/// further than the one before, for the subscriber whose turn comes so many turns later.
void prefetch_subscribers(std::span<Subscription* const> subscriptions, std::size_t turn) {
  const auto at = [&](std::size_t ahead) -> Subscription* {
    return turn + ahead < subscriptions.size() ? subscriptions[turn + ahead] : nullptr;
  };
  if (const Subscription* next = at(5)) {
    next->prefetch();
  }
  if (Subscription* next = at(4)) {
    next->sender().prefetch();
    next->prefetch_log();
  }
  if (Subscription* next = at(3)) {
    next->sender().prefetch_way();
  }
  if (Subscription* next = at(2)) {
    next->sender().prefetch_session();
    next->prefetch_log_entries();
  }
  if (Subscription* next = at(1)) {
    next->sender().prefetch_key();
  }
}

void count_withheld(Talkspurts::Withheld reason, metrics::WorkerCounters& counters) {
  switch (reason) {
    case Talkspurts::Withheld::kSilence:
      counters.silence_withheld.increment();
      return;
    case Talkspurts::Withheld::kNotLoudest:
      counters.quiet_withheld.increment();
      return;
    case Talkspurts::Withheld::kOutside:
      counters.sound_late.increment();
      return;
  }
}

}  // namespace

void Shard::handle_rtp(Peer& peer, Bytes packet, Instant arrival, Instant now) {
  const auto taken = peer.receiver.take(packet, arrival);
  next_feedback_ = std::min(next_feedback_, peer.receiver.next_feedback());
  if (!taken) {
    config_.counters.drop(taken.error());
    return;
  }
  if (!*taken) {
    return;
  }
  const ReceivedPacket& received = **taken;
  config_.counters
      .in(received.publication->is_video() ? metrics::Traffic::kRtpVideo
                                           : metrics::Traffic::kRtpAudio)
      .add(packet.size());
  if (received.is_retransmission) {
    config_.counters.retransmissions_received.increment();
  }
  observe_level(*received.publication, received);
  for (const MediaPacket& recovered : peer.receiver.recover(received)) {
    config_.counters.red_recovered.increment();
    ingest(*received.publication,
           {.publication = received.publication,
            .layer = received.layer,
            .ssrc = received.ssrc,
            .clock_rate = received.clock_rate,
            .is_retransmission = true,
            .source = received.source,
            .packet = recovered},
           now);
  }
  ingest(*received.publication, received, now);
}

void Shard::observe_level(Publication& publication, const ReceivedPacket& received) {
  if (publication.is_video() || publication.is_muted()) {
    return;
  }
  const Duration length = publication.audio_length(received.packet, received.clock_rate);
  if (const auto level = received.packet.extensions.audio_level) {
    publication.activity().observe(*level & 0x7fU, length);
  }
}

void Shard::ingest(Publication& publication, const ReceivedPacket& received, Instant now) {
  if (publication.is_full()) {
    distribute(publication, now);
  } else if (!publication.has_pending()) {
    dirty_.push_back(&publication);
  }
  const auto ingested = publication.ingest(received.layer, received.packet, received.clock_rate);
  if (const auto reason = publication.withheld()) {
    count_withheld(*reason, config_.counters);
  }
  switch (ingested) {
    case Publication::Ingest::kStored:
      return;
    case Publication::Ingest::kRefused:
      config_.counters.drop(metrics::DropReason::kOversized);
      return;
    case Publication::Ingest::kStarted:
      publication.layer(received.layer).ssrc = received.ssrc;
      if (publication.sink() == nullptr) {
        events_.emplace_back(LayerStarted{.publication = publication.id(),
                                          .codec = received.packet.codec,
                                          .layer = received.layer,
                                          .ssrc = received.ssrc});
      }
      return;
  }
}

void Shard::distribute(Publication& publication, Instant now) {
  copy_to_relays(publication);
  const auto pending = publication.pending();
  if (std::ranges::all_of(pending, &PendingPacket::is_withheld)) {
    publication.clear_pending();
    return;
  }
  std::array<const MediaPacket*, Publication::kMaxPending> packets{};
  for (std::size_t i = 0; i < pending.size(); ++i) {
    packets[i] = pending[i].is_withheld ? nullptr : publication.find(pending[i]);
  }
  forms_.clear();
  const LayerView view = publication.view();
  const bool is_uneven = publication.is_video() && has_uneven_frame(pending, packets);
  std::array<std::uint8_t, Publication::kMaxPending> padding{};
  const auto subscriptions = publication.subscriptions();
  const bool is_large = subscriptions.size() >= kMany;
  for (std::size_t turn = 0; turn < subscriptions.size(); ++turn) {
    if (is_large) {
      prefetch_subscribers(subscriptions, turn);
    }
    Subscription* subscription = subscriptions[turn];
    Outlet outlet = subscription->sender().outlet(config_.output, config_.counters, now);
    outlet.forms = &forms_;
    if (is_uneven) {
      plan_padding(*subscription, pending, packets, view, padding);
    }
    for (std::size_t i = 0; i < pending.size(); ++i) {
      if (packets[i] == nullptr) {
        continue;
      }
      outlet.padding = padding[i];
      outlet.talkspurt = pending[i].talkspurt;
      const auto before = subscription->current_layer();
      subscription->forward(pending[i].layer, *packets[i], view, outlet);
      const auto after = subscription->current_layer();
      outlet.padding = 0;
      if (after != before && after == pending[i].layer) {
        forward_overtaken(publication, pending[i], pending.subspan(i + 1), view, *subscription,
                          outlet);
      }
    }
    note_waiting(subscription->sender(), now);
    if (pending.size() >= kBurst && config_.output.size() >= transport::SendBatch::kWarm) {
      config_.output.flush();  // whoever comes next gets messages of its own anyway
    }
  }
  publication.clear_pending();
}

void Shard::note_waiting(Sender& sender, Instant now) {
  if (sender.waiting() == 0) {
    return;
  }
  if (!sender.enlist()) {
    waiting_.push_back(&sender);
  }
  note_release(sender.next_release(now), now);
}

void Shard::note_release(Instant due, Instant now) {
  if (due > now && !due.is_never()) {
    const Duration past = due.since_origin() % kReleaseStep;
    due = past > Duration::zero() ? due + (kReleaseStep - past) : due;
  }
  next_release_ = std::min(next_release_, due);
}

void Shard::release(Instant now) {
  next_release_ = Instant::never();
  for (Sender* sender : waiting_) {
    sender->release(config_.output, config_.counters, now);
    note_release(sender->next_release(now), now);
  }
  std::erase_if(waiting_, [](Sender* sender) {
    const bool is_done = sender->waiting() == 0;
    if (is_done) {
      sender->delist();
    }
    return is_done;
  });
}

/// A stream begins with the first packet of a key frame. What overtook that packet on its way, or
/// came while it had to be sent again, was of no use before; now it must follow, since nobody could
/// retransmit what was never sent. `later` will be forwarded anyway.
void Shard::forward_overtaken(const Publication& publication, const PendingPacket& start,
                              std::span<const PendingPacket> later, const LayerView& view,
                              Subscription& subscription, Outlet& outlet) {
  const Publication::Layer& layer = publication.layer(start.layer);
  if (layer.newest_generation != start.generation) {
    return;
  }
  const std::uint64_t end = std::min(layer.newest.value(), start.sequence.value() + kMaxOvertaken);
  for (std::uint64_t sequence = start.sequence.value() + 1; sequence <= end; ++sequence) {
    const PendingPacket overtaken{.layer = start.layer,
                                  .generation = start.generation,
                                  .sequence = ExtendedSequence(sequence)};
    if (std::ranges::find(later, overtaken) != later.end()) {
      continue;
    }
    if (const MediaPacket* packet = publication.find(overtaken)) {
      subscription.forward(start.layer, *packet, view, outlet);
    }
  }
}

/// A picture in one round trip, without asking the publisher for a key frame that everybody gets.
/// Only on the publisher's worker: what comes next over a relay need not follow what came last.
void Shard::replay_key_frame(Subscription& subscription, Instant now) {
  const Publication& publication = subscription.publication();
  Sender& sender = subscription.sender();
  const LayerView view = publication.view();
  const auto wanted = subscription.awaits_key_frame(view);
  if (!publication.is_video() || subscription.publication().sink() != nullptr || !wanted ||
      subscription.has_begun() || !sender.can_send()) {
    return;
  }
  const double carried = bwe::to_double(sender.downlink()->estimate(now)) / 8;
  const auto key = publication.recent_key_frame(
      *wanted, static_cast<std::size_t>(carried * bwe::seconds(kReplayTime)), now);
  std::array<const MediaPacket*, kMaxReplayed> packets{};
  const std::size_t count = key ? collect_from(publication, *key, packets) : 0;
  if (count == 0) {
    return;
  }
  Outlet outlet = sender.outlet(config_.output, config_.counters, now);
  for (const MediaPacket* packet : std::span(packets).first(count)) {
    subscription.forward(*wanted, *packet, view, outlet);
  }
  config_.counters.key_frames_replayed.increment();
  note_waiting(sender, now);
}

void Shard::flush(Instant now) {
  for (Publication* publication : dirty_) {
    distribute(*publication, now);
    send_key_frame_requests(*publication, now);
  }
  dirty_.clear();
}

void Shard::handle_rtcp(Peer& peer, Bytes packet, Instant arrival, Instant now) {
  const auto compound = rtcp::Compound::parse(packet);
  if (!compound) {
    config_.counters.drop(metrics::DropReason::kMalformedRtcp);
    return;
  }
  for (const rtcp::Packet& part : *compound) {
    handle_feedback(peer, part, arrival, now);
  }
}

void Shard::handle_feedback(Peer& peer, const rtcp::Packet& packet, Instant arrival, Instant now) {
  if (const auto* report = std::get_if<rtcp::SenderReport>(&packet)) {
    if (const auto update = peer.receiver.handle_sender_report(*report, arrival);
        update && update->layer < update->publication->layer_count()) {
      set_clock(*update->publication, update->layer, update->clock, now);
      send_clocks(*update->publication, update->layer);
    }
    peer.sender.handle_report_blocks(report->blocks, arrival);
  } else if (const auto* receiver_report = std::get_if<rtcp::ReceiverReport>(&packet)) {
    peer.sender.handle_report_blocks(receiver_report->blocks, arrival);
  } else if (const auto* nack = std::get_if<rtcp::Nack>(&packet)) {
    flush(now);  // an answer may refer to what waits
    if (peer.sender.downlink() != nullptr) {
      Outlet outlet = peer.sender.outlet(config_.output, config_.counters, now);
      peer.sender.handle_nack(*nack, outlet);
      note_waiting(peer.sender, now);
    }
  } else if (const auto* loss = std::get_if<rtcp::PictureLoss>(&packet)) {
    handle_key_frame_wish(peer, loss->media, now);
  } else if (const auto* intra = std::get_if<rtcp::FullIntra>(&packet)) {
    for (std::size_t i = 0; i < intra->size(); ++i) {
      if (peer.sender.is_new_full_intra((*intra)[i])) {
        handle_key_frame_wish(peer, (*intra)[i].media, now);
      }
    }
  } else if (const auto* remb = std::get_if<rtcp::Remb>(&packet)) {
    peer.sender.handle_remb(*remb, now);
  } else if (const auto* feedback = std::get_if<rtcp::TransportFeedback>(&packet)) {
    config_.counters.transport_feedback_received.increment();
    peer.sender.handle_transport_feedback(*feedback, now);
    probe(peer, now);  // all that it takes is in the cache now
  }
}

void Shard::handle_key_frame_wish(Peer& peer, Ssrc media, Instant now) {
  Subscription* subscription = peer.sender.find(media);
  if (subscription == nullptr) {
    return;
  }
  config_.counters.key_frame_requests_received.increment();
  if (!subscription->allowed().is_enabled) {
    return;  // it gets nothing: whatever it gets next begins with a key frame
  }
  Publication& publication = subscription->publication();
  // Who is about to get another layer needs no key frame of the one that is left: everybody else
  // who watches that one would pay for it.
  const auto awaited = subscription->awaits_key_frame(publication.view());
  const Downlink* downlink = peer.sender.downlink();
  if (!awaited && downlink != nullptr &&
      downlink->estimator().delay_state() == bwe::DelayState::kOveruse) {
    return;  // it would fill the way further, and less is to be sent in a moment: it asks again
  }
  publication.request_key_frame(awaited.value_or(
      subscription->current_layer().value_or(subscription->allowed().max_spatial)));
  send_key_frame_requests(publication, now);
}

}  // namespace meridian::forward
