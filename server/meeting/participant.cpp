#include "meeting/participant.hpp"

#include <algorithm>

namespace meridian::meeting {

Publication* Participant::find_track(const TrackSid& track) {
  const auto found = std::ranges::find_if(
      publications, [&](const auto& publication) { return publication->sid == track; });
  return found == publications.end() ? nullptr : found->get();
}

Publication* Participant::find_track(PublicationId id) {
  const auto found = std::ranges::find_if(
      publications, [&](const auto& publication) { return publication->id == id; });
  return found == publications.end() ? nullptr : found->get();
}

const Publication* Participant::find_backup(const Publication& track) const {
  const auto found = std::ranges::find_if(
      publications, [&](const auto& publication) { return publication->backup_of == track.id; });
  return found == publications.end() ? nullptr : found->get();
}

Connection* Participant::find_connection(TransportId transport) {
  if (uplink.transport == transport) {
    return &uplink;
  }
  return subscriber && subscriber->connection.transport == transport ? &subscriber->connection
                                                                     : nullptr;
}

std::vector<Connection*> Participant::connections() {
  std::vector<Connection*> all = {&uplink};
  if (subscriber) {
    all.push_back(&subscriber->connection);
  }
  return all;
}

bool Participant::is_media_up() const {
  return is_subscriber_primary() ? subscriber->connection.is_media_up : uplink.is_media_up;
}

Instant Participant::media_lost() const {
  return subscriber ? std::min(uplink.media_lost, subscriber->connection.media_lost)
                    : uplink.media_lost;
}

AddSender Participant::add_sender(SenderSpec spec) {
  return subscriber ? subscriber->negotiator.add_sender(std::move(spec))
                    : negotiator.add_sender(std::move(spec));
}

void Participant::remove_sender(SubscriptionId subscription) {
  if (subscriber) {
    subscriber->negotiator.remove_sender(subscription);
  } else {
    negotiator.remove_sender(subscription);
  }
}

bool Participant::needs_negotiation() const {
  return subscriber ? subscriber->negotiator.needs_negotiation() : negotiator.needs_negotiation();
}

bool Participant::has_negotiated() const {
  return subscriber != nullptr || negotiator.has_answered();
}

livekit::ParticipantInfo Participant::full_info() const {
  livekit::ParticipantInfo full = info;
  for (const auto& publication : publications) {
    if (publication->is_published() && !publication->is_backup()) {
      *full.add_tracks() = publication->info;
    }
  }
  for (const DataTrack& track : data_tracks) {
    *full.add_data_tracks() = track.info;
  }
  full.set_is_publisher(full.tracks_size() > 0);
  return full;
}

}  // namespace meridian::meeting
