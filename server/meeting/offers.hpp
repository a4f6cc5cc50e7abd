#pragma once

#include <map>
#include <string>

#include "base/expected.hpp"
#include "base/time.hpp"
#include "meeting/negotiator.hpp"
#include "meeting/room.hpp"
#include "meeting/subscriptions.hpp"
#include "meeting/tracks.hpp"

namespace meridian::meeting {

/// Carries out what a client's offer asks for and what it answers, and sees to it that there is an
/// exchange when tracks come and go.
class Offers {
 public:
  Offers(Room& room, Tracks& tracks, Subscriptions& subscriptions)
      : room_(room), tracks_(tracks), subscriptions_(subscriptions) {}

  /// Answers the offer; opens the transport with the first one. On an error nothing has changed.
  [[nodiscard]] base::Expected<void, NegotiationError> handle(
      Participant& participant, const livekit::SessionDescription& offer, Now now);

  /// Dual-connection mode: the offer that everything begins with.
  void begin_subscriber(Participant& participant, Now now);
  /// The same after a resume, with new ICE credentials, if there ever was one.
  void restart_subscriber(Participant& participant, Now now);
  /// Opens the subscriber's transport with the first answer. Answers to superseded offers and
  /// those that were never asked for do nothing.
  [[nodiscard]] base::Expected<void, NegotiationError> handle_answer(
      Participant& participant, const livekit::SessionDescription& answer, Now now);

  enum class Outcome : std::uint8_t {
    kFine,
    kNoOffer,      // it never came, or was never answered
    kNothingLeft,  // what it was here for has ended, and it can't be told of anything else
  };
  /// Asks for or makes the offer that is due.
  [[nodiscard]] Outcome handle_timeout(Participant& participant, Now now);

 private:
  using Assignment = std::map<std::string, PublicationId>;
  [[nodiscard]] LocalDescription local_description(const Participant& participant) const;
  /// Opens the connection's transport, or restarts its ICE.
  template <class Result>
  void apply_transport(const Participant& participant, Connection& connection,
                       const Result& result) const;
  void offer(Participant& participant, Now now);
  static void end_exchange(Participant& participant, Now now);
  void update_tracks(Participant& participant, const Negotiated& negotiated,
                     const Assignment& assigned, Now now);
  void answer(const Participant& participant, const livekit::SessionDescription& offer,
              const Negotiated& negotiated) const;
  void end_candidates(const Participant& participant, const std::string& sdp,
                      livekit::SignalTarget target) const;

  Room& room_;
  Tracks& tracks_;
  Subscriptions& subscriptions_;
};

}  // namespace meridian::meeting
