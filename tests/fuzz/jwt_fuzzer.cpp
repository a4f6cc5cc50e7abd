// Tokens as anybody can send them. The input is a token as it is; and, so that what comes after the
// signature is reached too, the payload of one that is rightly signed.
// Covers: server/api/jwt.cpp server/api/base64url.cpp server/api/authenticator.cpp
// Covers: server/api/grants.cpp
#include <cstddef>
#include <cstdint>
#include <optional>

#include "api/authenticator.hpp"
#include "api/base64url.hpp"
#include "api/jwt.hpp"
#include "base/bytes.hpp"
#include "base/check.hpp"
#include "directory/memory_directory.hpp"

namespace {

using namespace meridian;

constexpr UnixTime kNow = UnixTime::from_seconds(1'700'000'000);

directory::MemoryDirectory make_directory() {
  residency::AccountPolicy policy({.account = AccountId("dev"),
                                   .default_region = RegionId("uk-london"),
                                   .opted_in = {},
                                   .signalling_scope = residency::SignallingScope::kPermittedOnly},
                                  PolicyEpoch(1));
  return directory::MemoryDirectory({.regions = {{RegionId("uk-london"), "", {}, {}, "ws://uk"}},
                                     .accounts = {{"dev", std::move(policy)}},
                                     .keys = {{"devkey", "secret", AccountId("dev")}},
                                     .pools = {}});
}

/// What the token grants is never more than what it says.
void check_rights(const api::Caller& caller) {
  const auto& video = caller.claims.video;
  MERIDIAN_CHECK(api::authorize_room_create(caller).has_value() == (video && video->room_create));
  MERIDIAN_CHECK(api::authorize_room_list(caller).has_value() == (video && video->room_list));
  MERIDIAN_CHECK(!api::authorize_room_admin(caller, "a room that no seed names").has_value());
  if (api::authorize_join(caller, {})) {
    MERIDIAN_CHECK(video && video->room_join && !video->room.empty());
    MERIDIAN_CHECK(!video->can_publish(api::TrackSource::kCamera) || video->can_publish());
  }
}

/// Whoever is let in is let in again with the tokens that we make of the claims.
void check_made_tokens(const api::Claims& claims) {
  static const directory::MemoryDirectory directory = make_directory();
  const api::Signer signer{"devkey", "secret", kNow};
  const auto again = api::authenticate(directory, {}, api::refresh_token(claims, signer), kNow);
  MERIDIAN_CHECK(again.has_value());
  MERIDIAN_CHECK(again->claims.identity == claims.identity);
  MERIDIAN_CHECK(again->claims.video == claims.video);
  MERIDIAN_CHECK(again->claims.routing == claims.routing);
  api::JoinTokenRequest request;
  request.room = "room";
  request.identity = claims.identity;
  request.attributes = claims.attributes;
  request.routing = claims.routing;
  const auto joining = api::authenticate(directory, {}, api::join_token(request, signer), kNow);
  MERIDIAN_CHECK(joining.has_value() && joining->claims.routing == claims.routing);
}

void check_token(std::string_view token) {
  static const directory::MemoryDirectory directory = make_directory();
  const auto caller = api::authenticate(directory, {}, token, kNow);
  if (!caller) {
    MERIDIAN_CHECK(caller.error().status == 400 || caller.error().status == 401);
    return;
  }
  check_rights(*caller);
  check_made_tokens(caller->claims);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text({data, size});
  if (const auto decoded = api::base64url_decode(text)) {
    MERIDIAN_CHECK(api::base64url_encode(as_bytes(*decoded)) == text);
  }
  if (const auto token = api::bearer_token(text)) {
    check_token(*token);
  }
  check_token(text);
  check_token(api::sign_jwt(text, "secret"));
  return 0;
}
