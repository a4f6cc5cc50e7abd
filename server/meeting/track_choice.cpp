// What somebody gets to see and hear who can't choose.
#include <algorithm>

#include "meeting/meeting.hpp"

namespace meridian::meeting {

std::vector<TrackSid> Meeting::choose_tracks(const ParticipantSid& subscriber,
                                             const TrackChoice& choice) const {
  const Participant* who = room_.roster.find(subscriber);
  if (who == nullptr) {
    return {};
  }
  std::vector<const Publication*> fitting;
  for (const auto& publisher : room_.roster.all()) {
    const bool is_wanted =
        choice.publisher.empty() || publisher->info.identity() == choice.publisher.value();
    if (publisher.get() == who || !is_wanted) {
      continue;
    }
    for (const auto& track : publisher->publications) {
      const bool is_it = choice.track.empty()
                             ? track->info.encryption() == livekit::Encryption::NONE
                             : track->sid == choice.track;
      if (is_it && track->is_published() && !track->is_backup() &&
          Subscriptions::is_allowed(*who, *publisher, publisher->access, *track)) {
        fitting.push_back(track.get());
      }
    }
  }
  // Numbers only grow.
  std::ranges::sort(fitting, std::ranges::greater(), [](const Publication* p) { return p->id; });
  std::vector<TrackSid> chosen;
  for (const rtp::MediaKind kind : {rtp::MediaKind::kVideo, rtp::MediaKind::kAudio}) {
    std::size_t left = kind == rtp::MediaKind::kVideo ? choice.max_videos : choice.max_audios;
    for (const Publication* track : fitting) {
      if (track->kind == kind && left > 0) {
        chosen.push_back(track->sid);
        --left;
      }
    }
  }
  return chosen;
}

bool Meeting::publishes(const ParticipantSid& publisher) const {
  const Participant* who = room_.roster.find(publisher);
  return who != nullptr && std::ranges::any_of(who->publications, [](const auto& track) {
           return track->is_published();
         });
}

}  // namespace meridian::meeting
