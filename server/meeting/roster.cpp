#include "meeting/roster.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace meridian::meeting {
namespace {

template <class Map, class Key>
Participant* lookup(const Map& map, const Key& key) {
  const auto found = map.find(key);
  return found == map.end() ? nullptr : found->second;
}

}  // namespace

Participant& Roster::add(std::unique_ptr<Participant> participant) {
  Participant& added = *participant;
  const bool is_new_sid = by_sid_.emplace(added.sid(), &added).second;
  const bool is_new_identity = by_identity_.emplace(added.info.identity(), &added).second;
  MERIDIAN_CHECK(is_new_sid && is_new_identity);
  for (const Connection* connection : added.connections()) {
    by_transport_.emplace(connection->transport, &added);
  }
  if (!added.is_forwarded()) {
    ++by_worker_[added.worker];
  }
  participants_.push_back(std::move(participant));
  return added;
}

std::unique_ptr<Participant> Roster::remove(const ParticipantSid& sid) {
  const auto found =
      std::ranges::find_if(participants_, [&](const auto& p) { return p->sid() == sid; });
  MERIDIAN_CHECK(found != participants_.end());
  std::unique_ptr<Participant> removed = std::move(*found);
  participants_.erase(found);
  by_sid_.erase(sid);
  by_identity_.erase(Identity(removed->info.identity()));
  for (const Connection* connection : removed->connections()) {
    by_transport_.erase(connection->transport);
  }
  const auto worker = by_worker_.find(removed->worker);
  if (!removed->is_forwarded() && --worker->second == 0) {
    by_worker_.erase(worker);
  }
  for (const auto& publication : removed->publications) {
    forget_track(*publication);
  }
  return removed;
}

Participant* Roster::find(const ParticipantSid& sid) const {
  return lookup(by_sid_, sid);
}
Participant* Roster::find(const Identity& identity) const {
  return lookup(by_identity_, identity);
}
Participant* Roster::find(TransportId transport) const {
  return lookup(by_transport_, transport);
}
Participant* Roster::find(PublicationId publication) const {
  return lookup(by_publication_, publication);
}
Participant* Roster::publisher_of(const TrackSid& track) const {
  return lookup(by_track_, track);
}

void Roster::index_track(Participant& publisher, const Publication& publication) {
  by_publication_.emplace(publication.id, &publisher);
  by_track_.emplace(publication.sid, &publisher);  // a backup's is there already
}

void Roster::forget_track(const Publication& publication) {
  by_publication_.erase(publication.id);
  if (!publication.is_backup()) {
    by_track_.erase(publication.sid);
  }
}

}  // namespace meridian::meeting
