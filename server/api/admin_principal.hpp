#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "config/config.hpp"

namespace meridian::api {

/// What somebody may do through the administration API; admin_routes.hpp has the table.
using Role = config::AdminRole;

enum class SignedInBy : std::uint8_t { kOidc, kStaticToken };
[[nodiscard]] std::string_view name_of(SignedInBy way);

/// Who makes a call, as a checked token says.
struct Principal {
  /// Of the static token, or the provider's opaque subject; it stands in the policy history.
  std::string name;
  Role role = Role::kAuditor;
  /// Nothing for the operator, and for nobody else.
  std::optional<AccountId> account;
  SignedInBy signed_in_by = SignedInBy::kStaticToken;
  std::optional<UnixTime> expires;

  /// Whether `id` exists as far as this principal may know.
  [[nodiscard]] bool sees(const AccountId& id) const { return !account || *account == id; }
  friend bool operator==(const Principal&, const Principal&) = default;
};

/// Takes the same time for every token of the same length. Null for none; an empty token is none.
[[nodiscard]] const config::StaticToken* find_static_token(
    std::span<const config::StaticToken> tokens, std::string_view token);

}  // namespace meridian::api
