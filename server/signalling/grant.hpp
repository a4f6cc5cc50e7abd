#pragma once

#include "api/authenticator.hpp"
#include "base/expected.hpp"
#include "config/config.hpp"
#include "directory/directory.hpp"
#include "meeting/participant.hpp"
#include "wire/livekit_session.pb.h"

namespace meridian::signalling {

/// What a token lets its bearer be in a meeting, with what the join request adds. Errors: 401 when
/// the request sets metadata or attributes without that right, 400 when they are too large.
[[nodiscard]] base::Expected<meeting::Grant, api::AuthError> make_grant(
    const api::Caller& caller, const livekit::JoinRequest& request, const config::Limits& limits);

/// What a participant may do now, as the claims of a token for them: the rights are replaced, rooms
/// and administration are left as they are.
void take_permission(const livekit::ParticipantPermission& permission, api::VideoGrant& grant);

/// Makes the tokens with which a running session reconnects. `directory` outlives it.
[[nodiscard]] meeting::TokenMaker make_token_maker(const api::Caller& caller,
                                                   const directory::Directory& directory);

}  // namespace meridian::signalling
