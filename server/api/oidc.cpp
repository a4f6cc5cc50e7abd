#include "api/oidc.hpp"

#include <algorithm>
#include <utility>

#include <boost/json.hpp>

#include "api/json_text.hpp"
#include "api/jwt.hpp"
#include "api/url.hpp"

namespace meridian::api {
namespace {

namespace json = boost::json;

std::unexpected<AuthError> reject(std::string why) {
  return refuse(401, std::move(why));
}

// A string, or the strings of a list; empty for everything else.
std::vector<std::string> texts(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(json_view(name));
  std::vector<std::string> result;
  if (value != nullptr && value->is_string()) {
    result.emplace_back(value->get_string());
  } else if (value != nullptr && value->is_array()) {
    for (const json::value& element : value->get_array()) {
      if (element.is_string()) {
        result.emplace_back(element.get_string());
      }
    }
  }
  return result;
}

std::string text(const json::object& object, std::string_view name) {
  const auto all = texts(object, name);
  return all.size() == 1 ? all.front() : std::string();
}

bool has_one_of(const std::vector<std::string>& values, const std::vector<std::string>& wanted) {
  return std::ranges::find_first_of(values, wanted) != values.end();
}

std::optional<SignatureAlgorithm> algorithm_of(std::string_view name) {
  for (const auto algorithm :
       {SignatureAlgorithm::kRs256, SignatureAlgorithm::kEs256, SignatureAlgorithm::kEdDsa}) {
    if (name_of(algorithm) == name) {
      return algorithm;
    }
  }
  return std::nullopt;
}

// OpenID Connect Core section 3.1.3.7, steps 2 to 5.
bool is_for_us(const json::object& claims, const config::Oidc& settings) {
  const auto audiences = texts(claims, "aud");
  const std::string& wanted = settings.audience.empty() ? settings.client_id : settings.audience;
  const std::string party = text(claims, "azp");
  return std::ranges::find(audiences, wanted) != audiences.end() &&
         (audiences.size() == 1 || !party.empty()) &&
         (party.empty() || party == settings.client_id);
}

// The one role of ours that the claim names; nothing for none, and for several.
std::optional<Role> read_role(const json::object& claims, std::string_view claim) {
  std::optional<Role> found;
  for (const std::string& name : texts(claims, claim)) {
    const auto role = config::parse_admin_role(name);
    if (role && found && *found != *role) {
      return std::nullopt;
    }
    found = role ? role : found;
  }
  return found;
}

base::Expected<Principal, AuthError> read_principal(const json::object& claims,
                                                    const config::Oidc& settings) {
  if (!has_one_of(texts(claims, "amr"), settings.amr) &&
      !has_one_of(texts(claims, "acr"), settings.acr)) {
    return reject("sign in with a second factor");
  }
  const auto role = read_role(claims, settings.role_claim);
  if (!role) {
    return reject("the token must have exactly one role in " + settings.role_claim);
  }
  Principal principal{.name = text(claims, "sub"),
                      .role = *role,
                      .account = {},
                      .signed_in_by = SignedInBy::kOidc,
                      .expires = {}};
  constexpr std::size_t kMaxSubject = 255;  // Core section 2
  if (principal.name.empty() || principal.name.size() > kMaxSubject) {
    return reject("the token has no subject");
  }
  if (*role != Role::kOperator) {
    const std::string account = text(claims, settings.account_claim);
    if (account.empty()) {
      return reject("the token must name one account in " + settings.account_claim);
    }
    principal.account = AccountId(account);
  }
  return principal;
}

}  // namespace

std::optional<OidcFetch> OidcProvider::take_fetch(Instant now) {
  if (is_fetching_ || now < due_) {
    return std::nullopt;
  }
  is_fetching_ = true;
  attempted_ = now;
  if (step_ == Step::kKeys) {
    return OidcFetch{++last_fetch_, keys_url_};
  }
  const bool has_slash = settings_.issuer.ends_with('/');
  return OidcFetch{++last_fetch_,
                   settings_.issuer + (has_slash ? "" : "/") + ".well-known/openid-configuration"};
}

base::Expected<void, base::Error> OidcProvider::handle_fetched(std::uint64_t id,
                                                               std::optional<std::string_view> body,
                                                               Instant now) {
  if (!is_fetching_ || id != last_fetch_) {
    return {};
  }
  is_fetching_ = false;
  due_ = now + kMinPause;
  if (!body || body->size() > kMaxDocument) {
    step_ = Step::kDiscovery;
    return base::fail("the document could not be fetched");
  }
  if (step_ == Step::kDiscovery) {
    if (auto read = read_discovery(*body); !read) {
      return read;
    }
    step_ = Step::kKeys;
    due_ = now;
    return {};
  }
  step_ = Step::kDiscovery;
  auto keys = KeySet::parse(*body);
  if (!keys) {
    return std::unexpected(std::move(keys.error()));
  }
  keys_ = std::move(*keys);
  keys_since_ = now;
  due_ = now + kFresh;
  return {};
}

base::Expected<void, base::Error> OidcProvider::read_discovery(std::string_view body) {
  const auto document = parse_object(body);
  if (!document || text(*document, "issuer") != settings_.issuer) {
    return base::fail("not a discovery document of the issuer");
  }
  OidcEndpoints endpoints{text(*document, "authorization_endpoint"),
                          text(*document, "token_endpoint")};
  std::string keys_url = text(*document, "jwks_uri");
  const auto issuer = parse_url(settings_.issuer);
  for (const std::string& url : {endpoints.authorization, endpoints.token, keys_url}) {
    const auto parsed = parse_url(url);
    // Plain HTTP only where the issuer itself is: a provider on the developer's machine.
    if (!parsed || !issuer || (issuer->is_secure && !parsed->is_secure)) {
      return base::fail("the discovery document has an endpoint that is missing or not https");
    }
  }
  endpoints_ = std::move(endpoints);
  keys_url_ = std::move(keys_url);
  return {};
}

Instant OidcProvider::next_timeout() const {
  return is_fetching_ ? Instant::never() : due_;
}

base::Expected<Principal, AuthError> OidcProvider::authenticate(std::string_view token, Now now) {
  const auto jwt = decode_signed_jwt(token);
  if (!jwt) {
    return reject("invalid token: " + std::string(name_of(jwt.error())));
  }
  if (!keys_ || now.monotonic - keys_since_ > kMaxAge) {
    return reject("the sign-in provider's keys are not known yet; try again");
  }
  const auto algorithm = algorithm_of(jwt->algorithm);
  const SigningKey* key = algorithm ? keys_->find(jwt->key_id, *algorithm) : nullptr;
  if (key == nullptr) {
    // The provider may have a new one.
    due_ = std::min(due_, std::max(now.monotonic, attempted_ + kMinPause));
    return reject("invalid token: signed with a key that is not known");
  }
  if (!key->verify(jwt->signing_input, jwt->signature)) {
    return reject("invalid token: " + std::string(name_of(JwtError::kBadSignature)));
  }
  if (const auto checked = check_times(*jwt, now.wall); !checked) {
    return reject("invalid token: " + std::string(name_of(checked.error())));
  }
  const auto claims = parse_object(jwt->payload);
  if (jwt->issuer != settings_.issuer || !claims || !is_for_us(*claims, settings_)) {
    return reject("invalid token: not issued by our provider for us");
  }
  auto principal = read_principal(*claims, settings_);
  if (principal) {
    principal->expires = jwt->expires;
  }
  return principal;
}

}  // namespace meridian::api
