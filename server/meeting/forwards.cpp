#include "meeting/forwards.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace meridian::meeting {
namespace {

Publication* find_copy(Participant& copy, PublicationId source) {
  const auto found = std::ranges::find_if(
      copy.publications, [&](const auto& publication) { return publication->source == source; });
  return found == copy.publications.end() ? nullptr : found->get();
}

bool is_published(const Participant& participant, PublicationId id) {
  return std::ranges::any_of(participant.publications, [&](const auto& publication) {
    return publication->id == id && publication->is_published();
  });
}

using Access = std::optional<livekit::SubscriptionPermission>;

/// An empty permission permits nobody, none at all everybody.
bool is_same(const Access& a, const Access& b) {
  return a.has_value() == b.has_value() && (!a || a->SerializeAsString() == b->SerializeAsString());
}

}  // namespace

Participant& Forwards::begin(const Participant& source, const residency::LevelNames& levels,
                             Now now) {
  auto participant =
      std::make_unique<Participant>(std::vector<rtp::Codec>{}, room_.services.random);
  participant->info.set_sid(new_sid("PA_", room_.services.random));
  participant->info.set_joined_at(now.wall.seconds());
  participant->info.set_joined_at_ms(now.wall.milliseconds());
  participant->forwarded = Participant::Forwarded{.levels = levels};
  participant->is_told = false;
  participant->access = source.access;
  participant->home_account = source.home_account;
  participant->region = source.region;
  participant->worker = source.worker;
  participant->uplink.transport = room_.services.numbers.new_transport(room_.number);
  participant->joined = now.monotonic;
  follow_profile(*participant, source);
  Participant& copy = room_.roster.add(std::move(participant));
  updates_.mark_room(now.monotonic);
  follow(copy, source, now);
  return copy;
}

void Forwards::follow_profile(Participant& copy, const Participant& source) const {
  livekit::ParticipantInfo info = source.info;
  info.set_sid(copy.info.sid());
  info.set_version(copy.info.version());
  info.set_joined_at(copy.info.joined_at());
  info.set_joined_at_ms(copy.info.joined_at_ms());
  const auto& details = info.kind_details();
  if (std::ranges::find(details, static_cast<int>(livekit::ParticipantInfo::FORWARDED)) ==
      details.end()) {
    info.add_kind_details(livekit::ParticipantInfo::FORWARDED);
  }
  copy.info = std::move(info);
}

void Forwards::follow(Participant& copy, const Participant& source, Now now) {
  using Info = livekit::ParticipantInfo;
  const bool was_active = copy.forwarded->followed && copy.info.state() == Info::ACTIVE;
  copy.forwarded->followed = source.info.version();
  end_tracks(copy, source, now);
  follow_profile(copy, source);
  if (!was_active && copy.info.state() == Info::ACTIVE) {
    room_.note(RoomEventKind::kParticipantJoined, now.wall, &copy);
  }
  if (source.access && !is_same(copy.access, source.access)) {
    subscriptions_.handle_permission(copy, *source.access, now);
  }
  updates_.mark(copy, Updates::Audience::kOthers, Updates::Urgency::kNow, now.monotonic);
  follow_tracks(copy, source, now);
}

void Forwards::end_tracks(Participant& copy, const Participant& source, Now now) {
  std::vector<PublicationId> gone;
  for (const auto& publication : copy.publications) {
    if (!is_published(source, *publication->source)) {
      gone.push_back(publication->id);
    }
  }
  for (const PublicationId id : gone) {  // one that is another's backup may go with that
    tracks_.unpublish(copy, id, now);
  }
}

void Forwards::follow_tracks(Participant& copy, const Participant& source, Now now) {
  for (const auto& original : source.publications) {
    if (!original->is_published()) {
      continue;
    }
    if (Publication* known = find_copy(copy, original->id)) {
      known->info = original->info;
      known->codecs = original->codecs;
      continue;
    }
    const Publication* main =
        original->is_backup() ? find_copy(copy, *original->backup_of) : nullptr;
    if (original->is_backup() && main == nullptr) {
      continue;
    }
    publish(copy, *original, main != nullptr ? std::optional(main->id) : std::nullopt, now);
  }
}

void Forwards::publish(Participant& copy, const Publication& source,
                       std::optional<PublicationId> backup_of, Now now) {
  auto publication = std::make_unique<Publication>();
  publication->sid = source.sid;
  publication->id = room_.services.numbers.new_publication(room_.number);
  publication->cid = source.cid;
  publication->info = source.info;
  publication->kind = source.kind;
  publication->section = source.section;
  publication->codecs = source.codecs;
  publication->backup_of = backup_of;
  publication->source = source.id;
  room_.roster.index_track(copy, *publication);
  Publication& added = *copy.publications.emplace_back(std::move(publication));
  if (!added.is_backup()) {
    room_.note(RoomEventKind::kTrackPublished, now.wall, &copy, &added);
  }
  updates_.mark(copy, Updates::Audience::kOthers, Updates::Urgency::kNow, now.monotonic);
  updates_.mark_room(now.monotonic);
  // Others must know of the track before they are sent a description that carries it.
  updates_.flush(now.monotonic);
  if (added.is_backup()) {
    // Those who wait for it have a subscription to the other codec, which ends first.
    subscriptions_.reconcile_track(copy, *copy.find_track(*added.backup_of), now);
  }
  subscriptions_.reconcile_track(copy, added, now);
}

void Forwards::ask(Participant& source, const Participant& copy) const {
  for (const auto& watched : copy.publications) {
    Publication* original = source.find_track(*watched->source);
    if (original == nullptr) {
      continue;
    }
    if (watched->subscriber_told && !original->subscriber_told) {
      subscriptions_.tell_subscribed(source, *original);
    }
    if (watched->cannot_play.empty()) {
      original->cannot_play.erase(copy.sid());
    } else if (const bool is_first = original->cannot_play.empty();
               original->cannot_play.insert(copy.sid()).second && is_first) {
      subscriptions_.tell_layers(source, *original);
    }
  }
}

void Forwards::forget(Participant& source, const ParticipantSid& copy) {
  for (const auto& publication : source.publications) {
    publication->cannot_play.erase(copy);
  }
}

}  // namespace meridian::meeting
