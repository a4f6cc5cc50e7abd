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

void check_token(std::string_view token) {
  static const directory::MemoryDirectory directory = make_directory();
  const auto caller = api::authenticate(directory, {}, token, kNow);
  if (!caller) {
    MERIDIAN_CHECK(caller.error().status == 400 || caller.error().status == 401);
    return;
  }
  // Whoever is let in is let in again with the token that we make of the claims.
  (void)api::authorize_join(*caller, {});
  const std::string again = api::refresh_token(caller->claims, {"devkey", "secret", kNow});
  const auto second = api::authenticate(directory, {}, again, kNow);
  MERIDIAN_CHECK(second.has_value());
  MERIDIAN_CHECK(second->claims.identity == caller->claims.identity);
  MERIDIAN_CHECK(second->claims.video == caller->claims.video);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text({data, size});
  if (const auto decoded = api::base64url_decode(text)) {
    MERIDIAN_CHECK(api::base64url_encode(as_bytes(*decoded)) == text);
  }
  check_token(text);
  check_token(api::sign_jwt(text, "secret"));
  return 0;
}
