#include "api/admin_principal.hpp"

#include <openssl/crypto.h>

#include "audit/digest.hpp"
#include "base/bytes.hpp"

namespace meridian::api {

std::string_view name_of(SignedInBy way) {
  return way == SignedInBy::kOidc ? "oidc" : "static_token";
}

const config::StaticToken* find_static_token(std::span<const config::StaticToken> tokens,
                                             std::string_view token) {
  const config::StaticToken* found = nullptr;
  const audit::Digest given = audit::sha256({as_bytes(token)});
  for (const config::StaticToken& candidate : tokens) {
    // Digests of one length each: the comparison tells nothing of the token.
    const audit::Digest own = audit::sha256({as_bytes(candidate.token)});
    const bool is_equal =
        CRYPTO_memcmp(given.bytes.data(), own.bytes.data(), own.bytes.size()) == 0;
    found = is_equal && !token.empty() ? &candidate : found;
  }
  return found;
}

}  // namespace meridian::api
