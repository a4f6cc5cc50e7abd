#pragma once

#include <string_view>

#include "base/time.hpp"
#include "meeting/room.hpp"
#include "meeting/speakers.hpp"
#include "meeting/subscriptions.hpp"
#include "meeting/updates.hpp"

namespace meridian::meeting {

/// The tracks that participants publish: announced by add_track, carried by a media section.
class Tracks {
 public:
  Tracks(Room& room, Updates& updates, Subscriptions& subscriptions, Speakers& speakers)
      : room_(room), updates_(updates), subscriptions_(subscriptions), speakers_(speakers) {}

  void handle_add(Participant& publisher, const livekit::AddTrackRequest& request, Now now);
  void handle_mute(Participant& publisher, const livekit::MuteTrackRequest& request, Now now);
  void handle_features(Participant& publisher, const livekit::UpdateLocalAudioTrack& request,
                       Now now);
  void handle_size(Participant& publisher, const livekit::UpdateLocalVideoTrack& request, Now now);

  /// The pending track that a section carries: the one whose cid is the section's track id, else
  /// the first of that kind of which `is_elsewhere(publication)` is false. Some browsers change
  /// track ids.
  template <class IsElsewhere>
  [[nodiscard]] static Publication* match(Participant& publisher, const PublishedSection& section,
                                          const IsElsewhere& is_elsewhere);

  /// The track is on that section from now on; others are told. configure_receive() must follow.
  void publish(Participant& publisher, Publication& publication, const PublishedSection& section,
               Now now);
  /// Ends a track, pending or published, and then adds one that waited for its cid.
  void unpublish(Participant& publisher, PublicationId publication, Now now);
  /// Ends all tracks of somebody who leaves.
  void unpublish_all(Participant& publisher, Now now);
  /// Tells the worker which section carries which publication.
  void configure_receive(Participant& publisher) const;

  void handle(const forward::LayerStarted& event, Now now);
  void handle(const forward::LayersWanted& event, Now now);
  /// Lowers what publishers are asked to send, when due.
  void handle_timeout(Now now);
  [[nodiscard]] Instant next_timeout() const;

 private:
  [[nodiscard]] livekit::RequestResponse::Reason refusal(
      const Participant& publisher, const livekit::AddTrackRequest& request) const;
  /// For an add_track that names a track which is there: its second codec.
  [[nodiscard]] static livekit::RequestResponse::Reason backup_refusal(
      const Participant& publisher, const livekit::AddTrackRequest& request);
  void add_backup(Participant& publisher, const livekit::AddTrackRequest& request, Now now);
  void tell_published(const Participant& publisher, const Publication& publication) const;
  void claim_section(Participant& publisher, Publication& publication, Now now);
  void tell_layers(Participant& publisher, Publication& publication, Instant now) const;
  void end(Participant& publisher, Publication& publication, Now now);

  Room& room_;
  Updates& updates_;
  Subscriptions& subscriptions_;
  Speakers& speakers_;
};

template <class IsElsewhere>
Publication* Tracks::match(Participant& publisher, const PublishedSection& section,
                           const IsElsewhere& is_elsewhere) {
  Publication* fallback = nullptr;
  for (const auto& publication : publisher.publications) {
    if (publication->is_published() || publication->kind != section.kind) {
      continue;
    }
    if (publication->cid == section.track_id) {
      return publication.get();
    }
    if (fallback == nullptr && !is_elsewhere(*publication)) {
      fallback = publication.get();
    }
  }
  return fallback;
}

}  // namespace meridian::meeting
