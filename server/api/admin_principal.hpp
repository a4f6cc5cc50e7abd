#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/ids.hpp"
#include "base/time.hpp"

namespace meridian::api {

/// What somebody may do through the administration API; admin_routes.hpp has the table.
enum class Role : std::uint8_t {
  kOwner,     // everything within one account
  kAdmin,     // one account's routing; reads all of the account
  kAuditor,   // reads all of one account
  kOperator,  // runs the node: every account, but narrows only
};
inline constexpr std::size_t kRoles = 4;
[[nodiscard]] std::string_view name_of(Role role);
[[nodiscard]] std::optional<Role> role_of(std::string_view name);

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

/// A token of the configuration, for development nodes.
struct StaticToken {
  std::string name;
  std::string token;
  Role role = Role::kAuditor;
  std::optional<AccountId> account;
};

/// Takes the same time for every token of the same length. Null for none; an empty token is none.
[[nodiscard]] const StaticToken* find_static_token(std::span<const StaticToken> tokens,
                                                   std::string_view token);

}  // namespace meridian::api
