#include "api/admin_principal.hpp"

#include <array>

#include <openssl/crypto.h>

#include "audit/digest.hpp"
#include "base/bytes.hpp"

namespace meridian::api {

std::string_view name_of(Role role) {
  static constexpr std::array<std::string_view, kRoles> kNames{"owner", "admin", "auditor",
                                                               "operator"};
  return kNames.at(static_cast<std::size_t>(role));
}

std::optional<Role> role_of(std::string_view name) {
  for (const Role role : {Role::kOwner, Role::kAdmin, Role::kAuditor, Role::kOperator}) {
    if (name_of(role) == name) {
      return role;
    }
  }
  return std::nullopt;
}

std::string_view name_of(SignedInBy way) {
  return way == SignedInBy::kOidc ? "oidc" : "static_token";
}

const StaticToken* find_static_token(std::span<const StaticToken> tokens, std::string_view token) {
  const StaticToken* found = nullptr;
  const audit::Digest given = audit::sha256({as_bytes(token)});
  for (const StaticToken& candidate : tokens) {
    // Digests of one length each: the comparison tells nothing of the token.
    const audit::Digest own = audit::sha256({as_bytes(candidate.token)});
    const bool is_equal =
        CRYPTO_memcmp(given.bytes.data(), own.bytes.data(), own.bytes.size()) == 0;
    found = is_equal && !token.empty() ? &candidate : found;
  }
  return found;
}

}  // namespace meridian::api
