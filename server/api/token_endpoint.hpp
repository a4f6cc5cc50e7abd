#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/authenticator.hpp"
#include "base/expected.hpp"
#include "base/ids.hpp"
#include "base/random.hpp"
#include "base/time.hpp"
#include "directory/directory.hpp"

namespace meridian::api {

/// A request to the development token endpoint, in LiveKit's token-source form. Only for
/// `web.token_endpoint: development`: it asks nobody who they are.
struct TokenSourceRequest {
  /// JSON {room_name, participant_name, participant_identity, participant_metadata,
  /// participant_attributes, room_config}, all optional, in snake or camel case; may be empty.
  std::string_view body;
  /// `?account=`; the first account when absent.
  std::optional<AccountId> account;
  /// `?region=`: which region's URL to answer with, even one that the account may not use, so that
  /// a page can show the refusal.
  std::optional<RegionId> region;
  /// Region of the listener that took this request.
  RegionId arrived_at;
};

/// The answer's JSON: {server_url, participant_token, room_name, participant_identity}. The URL is
/// that of `region`, else of where the request arrived when the account may use it, else of the
/// account's default region. Missing room and identity are drawn from `random`.
/// Errors: 404 unknown account or region, 400 malformed body.
[[nodiscard]] base::Expected<std::string, AuthError> answer_token_source(
    const directory::Directory& directory, const config::Limits& limits,
    const TokenSourceRequest& request, RandomSource& random, UnixTime now);

}  // namespace meridian::api
