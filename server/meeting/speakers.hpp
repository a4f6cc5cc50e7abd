#pragma once

#include <map>
#include <set>

#include "base/time.hpp"
#include "forward/commands.hpp"
#include "meeting/room.hpp"

namespace meridian::meeting {

/// Who speaks, merged from the workers that serve the room and told to those who can hear it.
class Speakers {
 public:
  explicit Speakers(Room& room) : room_(room) {}

  void handle(const forward::SpeakersChanged& report);
  /// Tells somebody who heard of no change so far which of those whom it can hear speak now.
  void tell_active(const Participant& listener) const;
  /// For somebody who may have missed changes: who speaks, and that nobody else does.
  void tell_all(const Participant& listener) const;
  /// The track ended: its speaker falls silent. Before it leaves the roster.
  void forget(const Participant& publisher, PublicationId publication);
  /// A test hook of clients: somebody counts as speaking, loudly, until then.
  void simulate(const Participant& speaker, Instant until);
  /// Ends what was simulated.
  void handle_timeout(Instant now);
  [[nodiscard]] Instant next_timeout() const;

 private:
  using Tracks = std::map<PublicationId, livekit::SpeakerInfo>;
  void tell(const std::set<ParticipantSid>& changed) const;
  void tell(const Participant& listener, const std::set<ParticipantSid>& speakers) const;
  /// The loudest of somebody's tracks.
  [[nodiscard]] livekit::SpeakerInfo merged(const ParticipantSid& sid) const;

  Room& room_;
  std::map<ParticipantSid, Tracks> levels_;
  std::map<ParticipantSid, Instant> simulated_;
};

}  // namespace meridian::meeting
