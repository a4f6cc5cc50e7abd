#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "meeting/limits.hpp"
#include "rtp/extensions.hpp"
#include "wire/livekit_room.pb.h"

namespace meridian::meeting {

/// What whoever makes a room may choose for it. Sizes are the caller's to check.
struct RoomOptions {
  /// How long it is kept when nobody ever joins, and when the last one has left.
  Duration empty_timeout = kEmptyTimeout;
  Duration departure_timeout = kDepartureTimeout;
  /// 0: as many as the node allows.
  std::uint32_t max_participants = 0;
  std::string metadata = {};
  /// Sound and pictures of one source go out as one stream, which receivers play in sync.
  bool sync_streams = false;
  /// How late receivers show pictures; nothing: as early as they can.
  std::optional<rtp::PlayoutDelay> playout_delay = {};
  /// How many people's sounds are forwarded at once, the loudest; 0: all.
  std::uint8_t loudest = 0;
  /// For the application; nobody in the room sees them.
  std::map<std::string, std::string> tags = {};
  /// Agents that come when the room begins.
  std::vector<livekit::RoomAgentDispatch> agents = {};

  /// `loudest` as it holds for a track: what somebody shows is heard beside those who speak.
  [[nodiscard]] std::uint8_t loudest_of(livekit::TrackSource source) const {
    return source == livekit::SCREEN_SHARE_AUDIO ? std::uint8_t{0} : loudest;
  }
};

}  // namespace meridian::meeting
