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

livekit::ParticipantInfo Participant::full_info() const {
  livekit::ParticipantInfo full = info;
  for (const auto& publication : publications) {
    if (publication->is_published()) {
      *full.add_tracks() = publication->info;
    }
  }
  full.set_is_publisher(full.tracks_size() > 0);
  return full;
}

}  // namespace meridian::meeting
