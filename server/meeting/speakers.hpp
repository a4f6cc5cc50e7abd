#pragma once

#include <map>
#include <set>

#include "forward/commands.hpp"
#include "meeting/room.hpp"

namespace meridian::meeting {

/// Who speaks, merged from the workers that serve the room and told to those who can hear it.
class Speakers {
 public:
  explicit Speakers(Room& room) : room_(room) {}

  void handle(const forward::SpeakersChanged& report);
  /// The track ended: its speaker falls silent. Before it leaves the roster.
  void forget(const Participant& publisher, PublicationId publication);

 private:
  using Tracks = std::map<PublicationId, livekit::SpeakerInfo>;
  void tell(const std::set<ParticipantSid>& changed) const;
  /// The loudest of somebody's tracks.
  [[nodiscard]] livekit::SpeakerInfo merged(const ParticipantSid& sid) const;

  Room& room_;
  std::map<ParticipantSid, Tracks> levels_;
};

}  // namespace meridian::meeting
