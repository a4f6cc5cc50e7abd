#pragma once

#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "base/time.hpp"
#include "meeting/room.hpp"

namespace meridian::meeting {

/// What participants are told about each other and the room: changes are marked, collected, and
/// sent with the full state of everyone concerned.
class Updates {
 public:
  explicit Updates(Room& room) : room_(room) {}

  enum class Urgency : std::uint8_t {
    kNow,      // with the next flush
    kBatched,  // may wait in large rooms
  };
  enum class Audience : std::uint8_t { kOthers, kEveryone };
  /// The participant changed; its version grows.
  void mark(Participant& participant, Audience audience, Urgency urgency, Instant now);

  /// Why somebody is gone. Clients notice by themselves when the same identity joined again.
  enum class Departure : std::uint8_t { kLeft, kSuperseded };
  /// `participant` was removed from the roster.
  void mark_left(const Participant& participant, Departure departure, Instant now);

  /// Counts of the room changed, which are told now and then, or its metadata: kNow.
  void mark_room(Instant now, Urgency urgency = Urgency::kBatched);

  /// Sends what is due.
  void flush(Instant now);
  [[nodiscard]] Instant next_timeout() const;

  /// Who left lately and everybody's state, for somebody who resumes; the receiver included.
  void send_everyone(const Participant& to, Instant now);

 private:
  struct Change {
    /// Set when it isn't in the roster any more.
    std::optional<livekit::ParticipantInfo> last_state;
    Audience audience = Audience::kOthers;
  };
  void send_changes();
  [[nodiscard]] std::optional<livekit::ParticipantInfo> state_of(const ParticipantSid& sid,
                                                                 const Change& change) const;

  struct Departed {
    Instant at;
    livekit::ParticipantInfo state;
  };
  void forget_departed(Instant now);

  Room& room_;
  std::deque<Departed> departed_;
  std::map<ParticipantSid, Change> changes_;
  Instant changes_due_ = Instant::never();
  Instant room_due_ = Instant::never();
  std::optional<Instant> room_told_;
};

}  // namespace meridian::meeting
