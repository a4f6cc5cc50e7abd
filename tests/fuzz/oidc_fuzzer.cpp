// What a sign-in provider publishes, and ID tokens as anybody can send them. The first byte says
// what the input is: a discovery document, a key set, a token, or the payload of one that is
// rightly signed.
// Covers: server/api/oidc.cpp server/api/signing_key.cpp
#include <cstddef>
#include <cstdint>

#include "api/oidc.hpp"
#include "base/bytes.hpp"
#include "base/check.hpp"
#include "unit/api/token_issuer.hpp"

namespace {

using namespace meridian;
using api::testing_support::TokenIssuer;

constexpr Now kNow{Instant::from_origin(1h), UnixTime::from_seconds(1'700'000'000)};
constexpr std::string_view kDiscovery =
    R"({"issuer":"https://id.example","authorization_endpoint":"https://id.example/a",)"
    R"("token_endpoint":"https://id.example/t","jwks_uri":"https://id.example/k"})";

config::Oidc settings() {
  config::Oidc settings;
  settings.issuer = "https://id.example";
  settings.client_id = "meridian";
  return settings;
}

void load(api::OidcProvider& provider, std::string_view discovery, std::string_view keys) {
  const auto first = provider.take_fetch(kNow.monotonic);
  if (!provider.handle_fetched(first->id, discovery, kNow.monotonic)) {
    return;
  }
  MERIDIAN_CHECK(provider.endpoints());
  const auto second = provider.take_fetch(kNow.monotonic);
  (void)provider.handle_fetched(second->id, keys, kNow.monotonic);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const TokenIssuer issuers[] = {TokenIssuer(api::SignatureAlgorithm::kEdDsa),
                                        TokenIssuer(api::SignatureAlgorithm::kEs256),
                                        TokenIssuer(api::SignatureAlgorithm::kRs256)};
  if (size == 0) {
    return 0;
  }
  const std::string_view text = as_text({data + 1, size - 1});
  const TokenIssuer& issuer = issuers[(data[0] / 4) % 3];
  api::OidcProvider provider(settings());
  std::string token(text);
  switch (data[0] % 4) {
    case 0:
      load(provider, text, issuer.key_set());
      return 0;
    case 1:
      load(provider, kDiscovery, text);
      token = issuer.token("{}");
      break;
    case 2:
      load(provider, kDiscovery, issuer.key_set());
      break;
    default:
      load(provider, kDiscovery, issuer.key_set());
      token = issuer.token(text);
  }
  const auto principal = provider.authenticate(token, kNow);
  if (principal) {
    // Only who was rightly signed gets here, and never without an account to belong to.
    MERIDIAN_CHECK(data[0] % 4 == 3);
    MERIDIAN_CHECK(principal->account.has_value() !=
                   (principal->role == config::AdminRole::kOperator));
    MERIDIAN_CHECK(!principal->name.empty());
  } else {
    MERIDIAN_CHECK(principal.error().status == 401 && !principal.error().text.empty());
  }
  return 0;
}
