#pragma once

#include <string>
#include <string_view>

#include "api/grants.hpp"
#include "base/expected.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"
#include "config/config.hpp"
#include "directory/directory.hpp"

namespace meridian::api {

/// Who sends a request: its token was checked.
struct Caller {
  AccountId account;
  /// The API key that signed, so that a refreshed token can be signed with the same.
  std::string api_key;
  Claims claims;
};

/// A refusal, in the words that LiveKit clients know.
struct AuthError {
  unsigned status = 401;
  std::string text;
  friend bool operator==(const AuthError&, const AuthError&) = default;
};
[[nodiscard]] inline std::unexpected<AuthError> refuse(unsigned status, std::string text) {
  return std::unexpected(AuthError{status, std::move(text)});
}

/// The token of an `Authorization` header. Error: it doesn't begin with `Bearer `.
[[nodiscard]] base::Expected<std::string_view, AuthError> bearer_token(
    std::string_view authorization);

/// Checks a token: form, key, signature, times, sizes. An empty token is refused as a missing one.
[[nodiscard]] base::Expected<Caller, AuthError> authenticate(const directory::Directory& directory,
                                                             const config::Limits& limits,
                                                             std::string_view token, UnixTime now);

/// Whether the caller may join a room: `video.roomJoin`, a room name and an identity within limits.
/// 401 for what isn't granted, 400 for what is malformed.
[[nodiscard]] base::Expected<void, AuthError> authorize_join(const Caller& caller,
                                                             const config::Limits& limits);

/// Rights of server API calls, each as its own question; 401 `permissions denied` when not granted.
[[nodiscard]] base::Expected<void, AuthError> authorize_room_create(const Caller& caller);
[[nodiscard]] base::Expected<void, AuthError> authorize_room_list(const Caller& caller);
/// `roomAdmin` for exactly this room, compared byte by byte; there are no wildcards.
[[nodiscard]] base::Expected<void, AuthError> authorize_room_admin(const Caller& caller,
                                                                   std::string_view room);

}  // namespace meridian::api
