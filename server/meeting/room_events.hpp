#pragma once

#include <cstdint>
#include <optional>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "meeting/ids.hpp"
#include "residency/policy.hpp"
#include "wire/livekit_models.pb.h"
#include "wire/livekit_webhook.pb.h"

namespace meridian::meeting {

enum class RoomEventKind : std::uint8_t {
  kRoomStarted,
  kRoomFinished,
  kParticipantJoined,   // its media is connected
  kParticipantLeft,     // who had joined
  kParticipantAborted,  // who never had
  kTrackPublished,
  kTrackUnpublished,
};
inline constexpr std::size_t kRoomEventKinds = 7;

/// Something that happened in a room, for the account's own servers.
struct RoomEvent {
  RoomEventKind kind = RoomEventKind::kRoomStarted;
  AccountId account;
  /// Under which the room ran when it happened.
  residency::LevelNames levels;
  UnixTime at;
  livekit::Room room;
  std::optional<livekit::ParticipantInfo> participant = {};
  std::optional<livekit::TrackInfo> track = {};
  livekit::RoomEndReason end_reason = livekit::ROOM_END_UNKNOWN;
};

}  // namespace meridian::meeting
