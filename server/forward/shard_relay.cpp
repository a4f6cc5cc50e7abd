#include <algorithm>
#include <cstring>
#include <utility>

#include "forward/relay_sink.hpp"
#include "forward/shard.hpp"

/// Both ends of relays between workers of one process.
namespace meridian::forward {

using metrics::Direction;
using metrics::TransitKind;

RelaySlot* Shard::claim(WorkerIndex to) {
  RelayRing* ring =
      to.value() < config_.relays_out.size() ? config_.relays_out[to.value()] : nullptr;
  RelaySlot* slot = ring != nullptr ? ring->claim() : nullptr;
  if (slot == nullptr) {
    config_.counters.drop(metrics::DropReason::kRelayFull);
  }
  return slot;
}

void Shard::publish_slot(WorkerIndex to) {
  config_.relays_out[to.value()]->publish();
  wakes_ |= std::uint64_t{1} << to.value();
}

void Shard::open_relay_source(OpenRelaySource&& command) {
  Publication* publication = find_publication(command.publication);
  if (publication == nullptr || !command.permit.is_valid()) {
    return;
  }
  close_relay_source({.publication = command.publication, .to = command.to, .sink = command.sink});
  publication->relays().push_back(
      {.to = command.to,
       .sink = command.sink,
       .room = command.room == RoomNumber{} ? publication->traits().room : command.room,
       .permit = std::move(command.permit),
       .wanted = 0,
       .served = 0,
       .transit = {}});
}

void Shard::close_relay_source(const CloseRelaySource& command) {
  if (Publication* publication = find_publication(command.publication)) {
    publication->note_lost_wishes();
    std::erase_if(publication->relays(), [&](RelayTarget& target) {
      if (target.to != command.to || target.sink != command.sink) {
        return false;
      }
      end_relay_source(target);
      return true;
    });
  }
}

void Shard::open_relay_sink(OpenRelaySink&& command) {
  if (find_publication(command.publication) != nullptr || !command.permit.is_valid()) {
    return;
  }
  Publication& publication = add_publication({.id = command.publication,
                                              .room = command.room,
                                              .kind = command.kind,
                                              .is_screen_share = command.is_screen_share,
                                              .is_encrypted = command.is_encrypted,
                                              .loudest = command.loudest});
  // How many layers there are comes with the first packet; until then all may be wished for.
  const bool is_video = command.kind == rtp::MediaKind::kVideo;
  publication.set_layer_count(is_video ? kMaxLayers : 1, Publication::Memory::kAtFirstPacket);
  publication.set_sink(
      std::make_unique<RelaySink>(command.from, command.source, std::move(command.permit)));
}

void Shard::narrow_relays(RoomNumber room, const residency::LevelNames& levels) {
  for (auto& [id, publication] : publications_) {
    for (RelayTarget& target : publication->relays()) {
      if (target.room == room) {
        target.permit.narrow(levels);
      }
    }
    if (RelaySink* sink = publication->sink();
        sink != nullptr && publication->traits().room == room) {
      sink->narrow(levels);
    }
  }
}

void Shard::readmit_relays(const residency::PolicySnapshot& policy) {
  std::vector<PublicationId> denied;
  for (auto& [id, publication] : publications_) {
    publication->note_lost_wishes();
    std::erase_if(publication->relays(), [&](RelayTarget& target) {
      if (policy.admits(target.permit)) {
        return false;
      }
      end_relay_source(target);
      return true;
    });
    if (publication->sink() != nullptr && !policy.admits(publication->sink()->permit())) {
      denied.push_back(id);
    }
  }
  std::ranges::for_each(denied, [this](PublicationId id) { unpublish(id); });
}

// ---- What passed, for transit reports -----------------------------------------------------------

void Shard::report_relays(Publication& publication) {
  for (RelayTarget& target : publication.relays()) {
    if (!target.transit.empty()) {
      events_.emplace_back(RelayTransit{.publication = target.sink,
                                        .room = target.room,
                                        .region = target.permit.region(),
                                        .peer = target.to,
                                        .counts = std::exchange(target.transit, {}),
                                        .is_final = false,
                                        .is_source = true});
    }
  }
  if (RelaySink* sink = publication.sink(); sink != nullptr && !sink->transit().empty()) {
    events_.emplace_back(RelayTransit{.publication = publication.id(),
                                      .room = publication.traits().room,
                                      .region = sink->permit().region(),
                                      .peer = sink->from(),
                                      .counts = std::exchange(sink->transit(), {}),
                                      .is_final = false});
  }
}

void Shard::end_relay_source(RelayTarget& target) {
  events_.emplace_back(RelayTransit{.publication = target.sink,
                                    .room = target.room,
                                    .region = target.permit.region(),
                                    .peer = target.to,
                                    .counts = target.transit,
                                    .is_final = true,
                                    .is_source = true});
}

void Shard::end_relays(Publication& publication) {
  for (RelayTarget& target : publication.relays()) {
    end_relay_source(target);
  }
  if (RelaySink* sink = publication.sink()) {
    closed_sinks_.add({.publication = publication.id(),
                       .room = publication.traits().room,
                       .region = sink->permit().region(),
                       .peer = sink->from(),
                       .counts = sink->transit(),
                       .is_final = true},
                      events_);
  }
}

// ---- Frames -------------------------------------------------------------------------------------

void Shard::copy_to_relays(Publication& publication) {
  for (RelayTarget& target : publication.relays()) {
    unsigned layers = target.served;
    for (std::uint8_t wanted = 0; wanted < kMaxLayers; ++wanted) {
      if (((target.wanted >> wanted) & 1U) != 0) {
        layers |= 1U << publication.nearest_layer(wanted);
      }
    }
    target.served = static_cast<std::uint8_t>(layers);
    for (const PendingPacket& pending : publication.pending()) {
      const MediaPacket* packet = publication.find(pending);
      if (((layers >> pending.layer) & 1U) == 0 || packet == nullptr) {
        continue;
      }
      RelaySlot* slot = claim(target.to);
      if (slot == nullptr || !write_relay_media(*packet, *slot)) {
        continue;
      }
      slot->publication = target.sink;
      slot->epoch = target.permit.epoch();
      slot->layer = pending.layer;
      slot->layer_count = static_cast<std::uint8_t>(publication.layer_count());
      slot->clock_rate = publication.layer(pending.layer).clock_rate;
      config_.counters.out(metrics::Traffic::kRelay).add(slot->length);
      target.transit.at(TransitKind::kRtp, Direction::kOut).add(slot->length);
      publish_slot(target.to);
    }
  }
}

void Shard::send_clock(const Publication& publication, std::uint8_t layer,
                       const RelayTarget& target) {
  const auto& clock = publication.layer(layer).clock;
  RelaySlot* slot = clock ? claim(target.to) : nullptr;
  if (slot == nullptr) {
    return;
  }
  slot->type = RelayFrame::kClock;
  slot->publication = target.sink;
  slot->epoch = target.permit.epoch();
  slot->layer = layer;
  slot->layer_count = static_cast<std::uint8_t>(publication.layer_count());
  slot->clock_rate = clock->clock_rate;
  slot->ntp = clock->ntp.value();
  slot->rtp_time = clock->rtp;
  slot->arrival = clock->arrival;
  slot->length = 0;
  publish_slot(target.to);
}

void Shard::send_clocks(const Publication& publication, std::uint8_t layer) {
  for (const RelayTarget& target : publication.relays()) {
    if (target.wanted != 0) {
      send_clock(publication, layer, target);
    }
  }
}

void Shard::send_rates(Publication& publication) {
  for (const RelayTarget& target : publication.relays()) {
    RelaySlot* slot = target.wanted != 0 ? claim(target.to) : nullptr;
    if (slot == nullptr) {
      continue;
    }
    const LayerRates::Table& table = publication.rates().table();
    static_assert(sizeof(table) <= RelaySlot::kMaxPacket);
    slot->type = RelayFrame::kRates;
    slot->publication = target.sink;
    slot->epoch = target.permit.epoch();
    slot->layer_count = static_cast<std::uint8_t>(publication.layer_count());
    slot->length = sizeof(table);
    std::memcpy(slot->bytes.data(), &table, sizeof(table));
    publish_slot(target.to);
  }
}

void Shard::send_relay_wish(Publication& publication, RelayFrame type, std::uint8_t value) {
  const RelaySink& sink = *publication.sink();
  RelaySlot* slot = claim(sink.from());
  if (slot == nullptr) {
    return;
  }
  slot->type = type;
  slot->publication = sink.source();
  slot->sink = publication.id();
  slot->epoch = sink.permit().epoch();
  slot->layer = type == RelayFrame::kKeyFrameRequest ? value : 0;
  slot->layers = type == RelayFrame::kWant ? value : 0;
  slot->length = 0;
  publish_slot(sink.from());
}

void Shard::handle_relay(WorkerIndex from, const RelaySlot& slot, Instant now) {
  Publication* publication = find_publication(slot.publication);
  const bool is_from_source = publication != nullptr && publication->sink() != nullptr &&
                              publication->sink()->from() == from;
  if (slot.type == RelayFrame::kMedia) {
    // Counted as taken out of the ring, whatever becomes of it.
    if (is_from_source) {
      publication->sink()->transit().at(TransitKind::kRtp, Direction::kIn).add(slot.length);
    } else {
      closed_sinks_.count(slot.publication, from, slot.length);
    }
  }
  if (publication == nullptr) {
    config_.counters.drop(metrics::DropReason::kNoPublication);
    return;
  }
  switch (slot.type) {
    case RelayFrame::kMedia:
      if (is_from_source) {
        handle_relay_media(*publication, slot, now);
      }
      return;
    case RelayFrame::kClock:
      if (is_from_source && slot.layer < publication->layer_count()) {
        set_clock(*publication, slot.layer,
                  {.ntp = rtcp::NtpTime(slot.ntp),
                   .rtp = slot.rtp_time,
                   .arrival = slot.arrival,
                   .clock_rate = slot.clock_rate},
                  now);
      }
      return;
    case RelayFrame::kRates:
      if (LayerRates::Table table{}; is_from_source && slot.length == sizeof(table)) {
        std::memcpy(&table, slot.bytes.data(), sizeof(table));
        publication->rates().set_table(table);
      }
      return;
    case RelayFrame::kWant:
      handle_relay_want(*publication, from, slot, now);
      return;
    case RelayFrame::kKeyFrameRequest:
      publication->request_key_frame(slot.layer);
      send_key_frame_requests(*publication, now);
      return;
  }
}

void Shard::handle_relay_media(Publication& publication, const RelaySlot& slot, Instant now) {
  const auto packet = publication.sink()->read(slot);
  if (!packet) {
    config_.counters.drop(metrics::DropReason::kMalformedRtp);
    return;
  }
  config_.counters.in(metrics::Traffic::kRelay).add(slot.length);
  const std::size_t count = std::clamp<std::size_t>(slot.layer_count, 1, kMaxLayers);
  if (count != publication.layer_count()) {
    flush(now);  // what waits has the old layers
    publication.set_layer_count(count, Publication::Memory::kAtFirstPacket);
  }
  ingest(publication,
         {.publication = &publication,
          .layer = slot.layer,
          .ssrc = Ssrc{},
          .clock_rate = slot.clock_rate,
          .is_retransmission = false,
          .packet = *packet},
         now);
}

void Shard::handle_relay_want(Publication& publication, WorkerIndex from, const RelaySlot& slot,
                              Instant now) {
  for (RelayTarget& target : publication.relays()) {
    if (target.to != from || target.sink != slot.sink) {
      continue;
    }
    target.served = 0;
    if (target.wanted == slot.layers) {
      continue;
    }
    const bool is_start = target.wanted == 0;
    target.wanted = slot.layers;
    for (std::uint8_t i = 0; is_start && i < publication.layer_count(); ++i) {
      send_clock(publication, i, target);
    }
    follow_wishes(publication, now);
  }
}

}  // namespace meridian::forward
