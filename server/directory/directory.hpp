#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/expected.hpp"
#include "base/ids.hpp"
#include "base/random.hpp"
#include "base/time.hpp"
#include "directory/policy_error.hpp"
#include "directory/policy_store.hpp"
#include "residency/generation.hpp"
#include "residency/policy.hpp"
#include "residency/preset.hpp"
#include "residency/region.hpp"

namespace meridian::directory {

/// Accounts that the store may hold.
inline constexpr std::size_t kMaxAccounts = 10'000;
/// API keys of one account.
inline constexpr std::size_t kMaxKeys = 32;
/// Characters of an account's id; a-z, 0-9, `-`, `_` and `.`.
inline constexpr std::size_t kMaxIdLength = 64;
/// Bytes of an account's name.
inline constexpr std::size_t kMaxNameLength = 256;

struct Account {
  std::string name;
  /// The version in force; names the account.
  residency::AccountPolicy policy;
  ManagedBy managed_by = ManagedBy::kStore;
  /// Who made that version, why and when.
  std::string actor = {};
  std::string reason = {};
  UnixTime time = {};
  /// Host name of its signalling (`meridian routing dns`); empty = that of the regions.
  std::string signalling_host = {};

  [[nodiscard]] const AccountId& id() const { return policy.account(); }
};

/// What the author of a change may do; who may change anything at all is the API's question.
enum class Authority : std::uint8_t {
  kOwner,     // everything that preset and plan leave
  kAdmin,     // not what the owner locked, nor the locks
  kOperator,  // all accounts, narrowing only
};

/// Who changes something, and why. The names are server-made or the operator's, never personal.
struct Author {
  std::string actor;
  std::string reason;
  Authority authority = Authority::kOwner;
};

struct NewAccount {
  AccountId id;
  std::string name;
  RegionId default_region;
  residency::RegionSet opted_in;
  /// Empty = none.
  std::string preset;
  residency::RoutingControl routing_control = residency::RoutingControl::kChosen;
  std::string signalling_host;
};

/// What a configuration says about its accounts, for a reload.
struct FileAccount {
  std::string name;
  residency::AccountPolicy::Terms terms;
  std::string signalling_host;
  std::vector<ApiKey> keys;
};

template <class T>
using PolicyResult = base::Expected<T, PolicyRefusal>;

/// Accounts, their policies, and the regions and pools that can serve them, as this node sees them.
/// On the control path only. Pointers and spans hold until the next call that isn't const.
///
/// After each call that puts a policy into force, the caller advances the policy generation and
/// hands workers a new snapshot().
class Directory {
 public:
  virtual ~Directory() = default;

  /// Null when there is none.
  [[nodiscard]] virtual const ApiKey* find_key(std::string_view key) const = 0;
  /// The first API key of an account, to sign its tokens with; null when it has none.
  [[nodiscard]] virtual const ApiKey* key_of(const AccountId& account) const = 0;
  [[nodiscard]] virtual std::vector<const ApiKey*> keys_of(const AccountId& account) const = 0;
  [[nodiscard]] virtual const Account* find_account(const AccountId& id) const = 0;
  /// Those of the configuration in its order, then the others by age.
  [[nodiscard]] virtual std::span<const Account> accounts() const = 0;
  [[nodiscard]] virtual std::span<const residency::Region> regions() const = 0;
  [[nodiscard]] virtual const residency::Region* find_region(const RegionId& id) const = 0;
  [[nodiscard]] virtual std::span<const residency::PoolState> pools() const = 0;
  [[nodiscard]] virtual std::span<const residency::Preset> presets() const = 0;

  /// The owner of the pool reports on it. `pool` indexes pools().
  virtual void report_pool(std::size_t pool, residency::PoolState::Liveness liveness,
                           std::uint32_t free) = 0;

  /// A new account in the store, with its first policy.
  [[nodiscard]] virtual PolicyResult<const Account*> create_account(NewAccount wanted,
                                                                    const Author& author,
                                                                    UnixTime now) = 0;
  /// A new API key with a random secret, which nobody can ask for again.
  [[nodiscard]] virtual PolicyResult<ApiKey> create_key(const AccountId& account,
                                                        RandomSource& random) = 0;
  /// A new secret for a key. The old one is void `overlap` from now on, at most kMaxOverlap.
  [[nodiscard]] virtual PolicyResult<ApiKey> rotate_key(const AccountId& account,
                                                        std::string_view key, Duration overlap,
                                                        RandomSource& random, UnixTime now) = 0;
  static constexpr Duration kMaxOverlap = std::chrono::days(7);
  /// Deletes old secrets whose overlap is over.
  virtual void forget_old_secrets(UnixTime now) = 0;
  /// Forgets who made this version of the account's policy; see PolicyStore::forget_author().
  [[nodiscard]] virtual PolicyResult<std::uint64_t> forget_author(const AccountId& account,
                                                                  PolicyEpoch epoch) = 0;
  [[nodiscard]] virtual PolicyResult<void> revoke_key(const AccountId& account,
                                                      std::string_view key) = 0;

  /// Whether change_policy() would accept these terms now; the terms as they would be in force
  /// (the default region added). Changes nothing.
  [[nodiscard]] virtual PolicyResult<residency::AccountPolicy::Terms> check_change(
      residency::AccountPolicy::Terms terms, PolicyEpoch expected, Authority authority) const = 0;
  /// Replaces the terms of `terms.account`. `expected` is the epoch that the author saw; the result
  /// is the epoch of the new version, durable when this returns. The same terms again keep the
  /// epoch. default_region, routing_control and preset can't be changed.
  [[nodiscard]] virtual PolicyResult<PolicyEpoch> change_policy(
      residency::AccountPolicy::Terms terms, PolicyEpoch expected, const Author& author,
      UnixTime now) = 0;
  /// Replaces an account of the configuration by what the configuration says now, keys included,
  /// or adds it. The result is the epoch in force, higher than before when the terms differ.
  [[nodiscard]] virtual PolicyResult<PolicyEpoch> reload_account(FileAccount account,
                                                                 const Author& author,
                                                                 UnixTime now) = 0;

  /// Versions of the account, newest first, before epoch `before` (0 = all), at most `limit`.
  [[nodiscard]] virtual PolicyResult<std::vector<PolicyVersion>> history(
      const AccountId& account, std::size_t limit, PolicyEpoch before) const = 0;

  /// All policies in force, as of `generation`.
  [[nodiscard]] virtual residency::SharedPolicySnapshot snapshot(
      std::uint64_t generation) const = 0;
};

}  // namespace meridian::directory
