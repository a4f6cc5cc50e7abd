#pragma once

#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "meeting/ids.hpp"
#include "meeting/participant.hpp"
#include "meeting/placement.hpp"

namespace meridian::meeting {

/// The participants of a meeting in the order in which they joined, and whose is what. References
/// hold until the participant is removed.
class Roster {
 public:
  Participant& add(std::unique_ptr<Participant> participant);
  /// The participant, no longer found by anything.
  std::unique_ptr<Participant> remove(const ParticipantSid& sid);

  [[nodiscard]] Participant* find(const ParticipantSid& sid) const;
  [[nodiscard]] Participant* find(const Identity& identity) const;
  [[nodiscard]] Participant* find(TransportId transport) const;
  /// Who publishes it.
  [[nodiscard]] Participant* find(PublicationId publication) const;
  /// Who publishes it, pending or not.
  [[nodiscard]] Participant* publisher_of(const TrackSid& track) const;

  void index_track(Participant& publisher, const Publication& publication);
  void forget_track(const Publication& publication);

  [[nodiscard]] std::span<const std::unique_ptr<Participant>> all() const { return participants_; }
  [[nodiscard]] std::size_t size() const { return participants_.size(); }
  [[nodiscard]] bool empty() const { return participants_.empty(); }
  /// Those who are forwarded from other rooms aside: they are served there.
  [[nodiscard]] const PeopleByWorker& by_worker() const { return by_worker_; }

 private:
  std::vector<std::unique_ptr<Participant>> participants_;
  std::unordered_map<ParticipantSid, Participant*> by_sid_;
  std::unordered_map<Identity, Participant*> by_identity_;
  std::unordered_map<TransportId, Participant*> by_transport_;
  std::unordered_map<PublicationId, Participant*> by_publication_;
  std::unordered_map<TrackSid, Participant*> by_track_;
  PeopleByWorker by_worker_;
};

}  // namespace meridian::meeting
