#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include "base/time.hpp"
#include "meeting/participant.hpp"
#include "meeting/room.hpp"
#include "wire/livekit_session.pb.h"

namespace meridian::meeting {

/// What the participant's client may send its media through when its network lets nothing else
/// pass: TURN on this node, and the operator's servers in the participant's own region, which its
/// permit names. Never anybody else's. Credentials are the participant's and run out.
void add_ice_servers(const Room& room, const Participant& participant, UnixTime now,
                     google::protobuf::RepeatedPtrField<livekit::ICEServer>& servers);

}  // namespace meridian::meeting
