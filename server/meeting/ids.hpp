#pragma once

#include <cstdint>
#include <string>

#include "base/strong.hpp"

namespace meridian::meeting {

/// One signalling connection of a client, as numbered by the node; never reused. 0 means none.
using SignalSessionId = base::StrongInt<struct SignalSessionIdTag, std::uint64_t>;

/// Server-made identifiers, as clients see them.
using RoomSid = base::StrongString<struct RoomSidTag>;                // RM_…
using ParticipantSid = base::StrongString<struct ParticipantSidTag>;  // PA_…
using TrackSid = base::StrongString<struct TrackSidTag>;              // TR_…
/// Who somebody is within a room, from the token's `sub`.
using Identity = base::StrongString<struct IdentityTag>;

}  // namespace meridian::meeting
