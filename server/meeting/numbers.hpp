#pragma once

#include <optional>
#include <unordered_map>

#include "base/ids.hpp"

namespace meridian::meeting {

/// The node-wide numbers that workers know things by, never reused, and whose room they belong to.
class NumberSpace {
 public:
  RoomNumber new_room() { return RoomNumber(++rooms_); }
  SubscriptionId new_subscription() { return SubscriptionId(++subscriptions_); }
  TransportId new_transport(RoomNumber room) {
    const TransportId id(++transports_);
    room_of_transport_.emplace(id, room);
    return id;
  }
  PublicationId new_publication(RoomNumber room) {
    const PublicationId id(++publications_);
    room_of_publication_.emplace(id, room);
    return id;
  }
  void release(TransportId id) { room_of_transport_.erase(id); }
  void release(PublicationId id) { room_of_publication_.erase(id); }

  [[nodiscard]] std::optional<RoomNumber> room_of(TransportId id) const {
    return find(room_of_transport_, id);
  }
  [[nodiscard]] std::optional<RoomNumber> room_of(PublicationId id) const {
    return find(room_of_publication_, id);
  }

 private:
  template <class Map, class Key>
  static std::optional<RoomNumber> find(const Map& map, Key key) {
    const auto found = map.find(key);
    return found == map.end() ? std::nullopt : std::optional(found->second);
  }

  RoomNumber::rep rooms_ = 0;
  TransportId::rep transports_ = 0;
  PublicationId::rep publications_ = 0;
  SubscriptionId::rep subscriptions_ = 0;
  std::unordered_map<TransportId, RoomNumber> room_of_transport_;
  std::unordered_map<PublicationId, RoomNumber> room_of_publication_;
};

}  // namespace meridian::meeting
