#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/admin_principal.hpp"
#include "api/authenticator.hpp"
#include "api/signing_key.hpp"
#include "base/expected.hpp"
#include "base/time.hpp"
#include "config/config.hpp"

/// Sign-in by the operator's OpenID Connect provider (OpenID Connect Core 1.0, Discovery 1.0). The
/// page runs the authorization code flow with PKCE; here the ID token that it got is checked.
namespace meridian::api {

/// A document to be fetched; answer with OidcProvider::handle_fetched.
struct OidcFetch {
  std::uint64_t id = 0;
  std::string url;
};

/// Where the page sends people.
struct OidcEndpoints {
  std::string authorization;
  std::string token;
  friend bool operator==(const OidcEndpoints&, const OidcEndpoints&) = default;
};

/// One provider with its keys, kept fresh. Sans-I/O: whoever drives it fetches what take_fetch()
/// gives. While the keys could not be fetched nobody can sign in: it fails closed.
class OidcProvider {
 public:
  /// How long documents are used before they are fetched again, and how long at most when that
  /// fails.
  static constexpr Duration kFresh = std::chrono::hours(1);
  static constexpr Duration kMaxAge = std::chrono::hours(24);
  /// Between attempts, also when a token names a key that isn't known: strangers can send those.
  static constexpr Duration kMinPause = 30s;
  /// Documents of more bytes are not read.
  static constexpr std::size_t kMaxDocument = 256 * 1024;

  explicit OidcProvider(config::Oidc settings) : settings_(std::move(settings)) {}

  [[nodiscard]] const config::Oidc& settings() const { return settings_; }
  /// Nothing until the discovery document came.
  [[nodiscard]] const std::optional<OidcEndpoints>& endpoints() const { return endpoints_; }

  /// What is to be fetched now; one at a time.
  [[nodiscard]] std::optional<OidcFetch> take_fetch(Instant now);
  /// `body` is nothing when the document could not be fetched. Error: what is wrong with it, for
  /// the operator's log; it is tried again later.
  base::Expected<void, base::Error> handle_fetched(std::uint64_t id,
                                                   std::optional<std::string_view> body,
                                                   Instant now);
  /// When take_fetch() will have something.
  [[nodiscard]] Instant next_timeout() const;

  /// Checks an ID token: signature by a key of the provider, issuer, audience, times, multi-factor
  /// claim, role, account. 401 with the reason otherwise. The account may not exist.
  [[nodiscard]] base::Expected<Principal, AuthError> authenticate(std::string_view token, Now now);

 private:
  enum class Step : std::uint8_t { kDiscovery, kKeys };

  base::Expected<void, base::Error> read_discovery(std::string_view body);

  config::Oidc settings_;
  std::optional<OidcEndpoints> endpoints_;
  std::string keys_url_;
  std::optional<KeySet> keys_;
  Instant keys_since_;
  Step step_ = Step::kDiscovery;
  bool is_fetching_ = false;
  std::uint64_t last_fetch_ = 0;
  Instant attempted_;
  Instant due_;
};

}  // namespace meridian::api
