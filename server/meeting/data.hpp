#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "meeting/data_tracks.hpp"
#include "meeting/room.hpp"
#include "meeting/server_rpcs.hpp"
#include "metrics/transit.hpp"
#include "sctp/messages.hpp"
#include "wire/livekit_data.pb.h"

namespace meridian::meeting {

/// Data packets between participants. Who sent a packet is written into it here; what it says is
/// left as it came, and is often encrypted.
class DataRouter {
 public:
  DataRouter(Room& room, DataTracks& tracks, ServerRpcs& rpcs)
      : room_(room), tracks_(tracks), rpcs_(rpcs) {}

  /// The client opened a channel; its label says what it is for. Reliable packets of the last
  /// moments are sent to somebody whose channel was not open yet.
  void handle(const sctp::ChannelOpened& event, Now now);
  void handle(const sctp::ChannelClosed& event);
  void handle(const sctp::AssociationClosed& event);
  void handle(sctp::MessageReceived&& event, Now now);

  /// A packet of the server's own, from nobody in the room.
  void send_from_server(livekit::DataPacket packet, Now now);

  /// Frees what is too old to be sent to anybody.
  void forget_old(Instant now);

  /// Packets that were dropped because they were malformed, not allowed, or repeated.
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }
  /// Messages and their bytes by the region of who sent (in) and got them (out), since last asked.
  [[nodiscard]] std::map<RegionId, metrics::TransitCounts> take_transit() {
    return std::exchange(transit_, {});
  }

 private:
  using SharedBytes = std::shared_ptr<const std::vector<std::uint8_t>>;
  /// Whom a packet is for; both empty = everybody.
  struct Destinations {
    std::vector<std::string> identities;
    std::vector<std::string> sids;
    [[nodiscard]] bool include(const Participant& participant) const;
  };
  struct Cached {
    Instant at;
    ParticipantSid from;
    Destinations to;
    SharedBytes bytes;
  };
  /// A packet of a data track, to its subscribers.
  void forward_frame(Participant& sender, Bytes packet, Now now);
  [[nodiscard]] bool accept(Participant& sender, livekit::DataPacket& packet) const;
  static void sign(const Participant& sender, livekit::DataPacket& packet);
  static Destinations destinations(livekit::DataPacket& packet);
  /// To everyone it is for, and later to those whose channel isn't open yet. `sender` may be null.
  void distribute(const Participant* sender, livekit::DataPacket& packet, Now now);
  void send(Participant& to, sctp::ChannelId channel, const SharedBytes& bytes);
  void remember(Cached packet);

  Room& room_;
  DataTracks& tracks_;
  ServerRpcs& rpcs_;
  std::deque<Cached> cache_;
  std::size_t cached_bytes_ = 0;
  std::uint64_t dropped_ = 0;
  std::map<RegionId, metrics::TransitCounts> transit_;
};

}  // namespace meridian::meeting
