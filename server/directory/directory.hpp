#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/expected.hpp"
#include "base/ids.hpp"
#include "residency/generation.hpp"
#include "residency/policy.hpp"
#include "residency/region.hpp"

namespace meridian::directory {

/// A token names its key in `iss`; the key belongs to one account.
struct ApiKey {
  std::string key;
  std::string secret;
  AccountId account;
};

struct Account {
  std::string name;
  /// The version in force; names the account.
  residency::AccountPolicy policy;

  [[nodiscard]] const AccountId& id() const { return policy.account(); }
};

/// Why a policy couldn't be changed.
enum class PolicyError : std::uint8_t {
  kUnknownAccount,
  kUnknownRegion,
  kDefaultRegionLocked,  // the change would opt out of the account's default region
  kStaleEpoch,           // the policy was changed by somebody else in between
};
[[nodiscard]] std::string_view name_of(PolicyError error);

/// Accounts, their policies, and the regions and pools that can serve them, as this node sees them.
/// On the control path only. Pointers and spans hold until the next call that isn't const.
class Directory {
 public:
  virtual ~Directory() = default;

  /// Null when there is none.
  [[nodiscard]] virtual const ApiKey* find_key(std::string_view key) const = 0;
  /// The first API key of an account, to sign its tokens with; null when it has none.
  [[nodiscard]] virtual const ApiKey* key_of(const AccountId& account) const = 0;
  [[nodiscard]] virtual const Account* find_account(const AccountId& id) const = 0;
  /// In the order of the configuration.
  [[nodiscard]] virtual std::span<const Account> accounts() const = 0;
  [[nodiscard]] virtual std::span<const residency::Region> regions() const = 0;
  [[nodiscard]] virtual const residency::Region* find_region(const RegionId& id) const = 0;
  [[nodiscard]] virtual std::span<const residency::PoolState> pools() const = 0;

  /// The owner of the pool reports on it. `pool` indexes pools().
  virtual void report_pool(std::size_t pool, residency::PoolState::Liveness liveness,
                           std::uint32_t free) = 0;

  /// Replaces the set that an account has opted into. `expected` is the epoch that the caller saw;
  /// the result is the epoch of the new version. The same set again keeps the epoch. The caller
  /// then advances the policy generation and hands workers a new snapshot().
  [[nodiscard]] virtual base::Expected<PolicyEpoch, PolicyError> change_opted_in(
      const AccountId& account, residency::RegionSet opted_in, PolicyEpoch expected) = 0;

  /// All policies in force, as of `generation`.
  [[nodiscard]] virtual residency::SharedPolicySnapshot snapshot(
      std::uint64_t generation) const = 0;
};

}  // namespace meridian::directory
