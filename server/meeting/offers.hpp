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

/// Carries out what a client's offer asks for, and asks for offers.
class Offers {
 public:
  Offers(Room& room, Tracks& tracks, Subscriptions& subscriptions)
      : room_(room), tracks_(tracks), subscriptions_(subscriptions) {}

  /// Answers the offer; opens the transport with the first one. On an error nothing has changed.
  [[nodiscard]] base::Expected<void, NegotiationError> handle(
      Participant& participant, const livekit::SessionDescription& offer, Now now);

  enum class Outcome : std::uint8_t { kFine, kNoOffer };
  /// Asks for the offer that is due; kNoOffer = one that was asked for never came.
  [[nodiscard]] Outcome handle_timeout(Participant& participant, Now now);

 private:
  using Assignment = std::map<std::string, PublicationId>;
  void open_transport(Participant& participant, const Negotiated& negotiated);
  void update_tracks(Participant& participant, const Negotiated& negotiated,
                     const Assignment& assigned, Now now);
  void answer(const Participant& participant, const livekit::SessionDescription& offer,
              const Negotiated& negotiated) const;
  void end_candidates(const Participant& participant, const std::string& sdp) const;

  Room& room_;
  Tracks& tracks_;
  Subscriptions& subscriptions_;
};

}  // namespace meridian::meeting
