#pragma once

#include <string>
#include <string_view>

#include "api/grants.hpp"
#include "config/config.hpp"
#include "meeting/room_options.hpp"
#include "rooms/twirp.hpp"
#include "wire/livekit_room.pb.h"

/// What a new room is like, out of what the operator, the token and the call say; whoever speaks
/// later wins. Pure functions.
namespace meridian::rooms {

/// As the configuration says; with a preset when `preset` isn't empty. Error: there is none of that
/// name.
[[nodiscard]] TwirpResult<meeting::RoomOptions> configured_options(const config::Rooms& rooms,
                                                                   std::string_view preset);

/// For a call. Errors: invalid_argument; unimplemented for what this node doesn't do.
[[nodiscard]] TwirpResult<meeting::RoomOptions> options_of(
    const livekit::CreateRoomRequest& request, const config::Config& config);

/// For a room that a join makes, by the token's `roomPreset` and `roomConfig`.
[[nodiscard]] TwirpResult<meeting::RoomOptions> options_of(const api::Claims& claims,
                                                           const config::Config& config);

}  // namespace meridian::rooms
