#pragma once

#include <optional>

#include "base/time.hpp"
#include "meeting/room.hpp"
#include "meeting/subscriptions.hpp"
#include "meeting/tracks.hpp"
#include "meeting/updates.hpp"

namespace meridian::meeting {

/// People of other rooms of the account who are forwarded to this one (ForwardParticipant): each is
/// here a participant without a client, a copy of what the source is there, whose tracks are
/// publications of this room that are fed over relays from those of the source. Media alone is
/// forwarded; data stays in the source's room.
class Forwards {
 public:
  Forwards(Room& room, Updates& updates, Subscriptions& subscriptions, Tracks& tracks)
      : room_(room), updates_(updates), subscriptions_(subscriptions), tracks_(tracks) {}

  /// Takes in a copy of somebody whose room runs under `levels`; nobody here has the identity.
  Participant& begin(const Participant& source, const residency::LevelNames& levels, Now now);
  /// Makes a copy what the source is now.
  void follow(Participant& copy, const Participant& source, Now now);

  /// In the source's room: tells its client what those who watch the copy need of it.
  void ask(Participant& source, const Participant& copy) const;
  /// In the source's room: nobody watches that copy any more.
  static void forget(Participant& source, const ParticipantSid& copy);

 private:
  void follow_profile(Participant& copy, const Participant& source) const;
  void end_tracks(Participant& copy, const Participant& source, Now now);
  void follow_tracks(Participant& copy, const Participant& source, Now now);
  void publish(Participant& copy, const Publication& source, std::optional<PublicationId> backup_of,
               Now now);

  Room& room_;
  Updates& updates_;
  Subscriptions& subscriptions_;
  Tracks& tracks_;
};

}  // namespace meridian::meeting
