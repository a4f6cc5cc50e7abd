#include "directory/memory_directory.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"

namespace meridian::directory {
namespace {

using residency::AccountPolicy;
using residency::RegionSet;
using Terms = AccountPolicy::Terms;

std::unexpected<PolicyRefusal> refuse(PolicyError error, std::string message) {
  return std::unexpected(PolicyRefusal{error, std::move(message)});
}

StoredAccount stored(const Account& account) {
  return {account.id(), account.name, account.managed_by, account.signalling_host};
}

PolicyResult<void> to_result(base::Expected<void, base::Error> stored) {
  if (!stored) {
    return refuse(PolicyError::kUnavailable, std::move(stored.error().message));
  }
  return {};
}

bool is_id(std::string_view id) {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
  return !id.empty() && id.size() <= kMaxIdLength &&
         id.find_first_not_of(kAllowed) == std::string_view::npos;
}

// What stands against the levels, in the words of the API.
PolicyResult<void> check_overrides(const Terms& terms) {
  auto checked = residency::check_levels(terms);
  if (checked) {
    return {};
  }
  using Kind = residency::LevelFault::Kind;
  switch (checked.error().kind) {
    case Kind::kOutsideParent:
      return refuse(PolicyError::kOverrideOutsideParent, std::move(checked.error().message));
    case Kind::kDropsDefault:
      return refuse(PolicyError::kDefaultRegionLocked, std::move(checked.error().message));
    case Kind::kMalformed:
      break;
  }
  return refuse(PolicyError::kInvalid, std::move(checked.error().message));
}

// What the owner locked, and an admin wants to change.
PolicyResult<void> check_own_locks(const Terms& next, const Terms& before) {
  if (next.locked != before.locked) {
    return refuse(PolicyError::kLocked, "only an owner changes what is locked");
  }
  for (const residency::Setting setting : residency::changed_settings(next, before)) {
    if (before.locked.contains(setting)) {
      return refuse(PolicyError::kLocked,
                    std::string(name_of(setting)) + " is locked by the account's owner");
    }
  }
  return {};
}

PolicyResult<void> check_preset(const Terms& next, const Terms& before,
                                const residency::Preset& preset,
                                std::span<const residency::Region> regions) {
  const auto refuse_setting = [&](std::string_view setting) {
    return refuse(PolicyError::kLockedByPreset,
                  std::string(setting) + " is set by the preset " + preset.name);
  };
  for (const residency::Setting setting : residency::changed_settings(next, before)) {
    if (preset.locked.contains(setting)) {
      return refuse_setting(name_of(setting));
    }
  }
  const Terms tight = residency::tighten(next, preset, regions);
  for (const residency::Setting setting : residency::changed_settings(tight, next)) {
    return refuse_setting(name_of(setting));
  }
  if (tight.locked != next.locked) {
    return refuse_setting("locked");
  }
  return {};
}

}  // namespace

MemoryDirectory::MemoryDirectory(Contents contents)
    : own_store_(std::make_unique<MemoryPolicyStore>()),
      store_(*own_store_),
      contents_(std::move(contents)) {
  for (const Account& account : contents_.accounts) {
    MERIDIAN_CHECK(store_.append(stored(account),
                                 {account.policy, account.actor, account.reason, account.time}));
  }
  index();
}

MemoryDirectory::MemoryDirectory(Contents contents, PolicyStore& store)
    : store_(store), contents_(std::move(contents)) {
  index();
}

void MemoryDirectory::index() {
  accounts_.clear();
  keys_.clear();
  for (std::size_t i = 0; i < contents_.accounts.size(); ++i) {
    MERIDIAN_CHECK(accounts_.emplace(contents_.accounts[i].id(), i).second);
  }
  for (std::size_t i = 0; i < contents_.keys.size(); ++i) {
    MERIDIAN_CHECK(accounts_.contains(contents_.keys[i].account));
    MERIDIAN_CHECK(keys_.emplace(contents_.keys[i].key, i).second);
  }
}

// ---- Looking up ---------------------------------------------------------------------------------

const ApiKey* MemoryDirectory::find_key(std::string_view key) const {
  const auto found = keys_.find(key);
  return found == keys_.end() ? nullptr : &contents_.keys[found->second];
}

const ApiKey* MemoryDirectory::key_of(const AccountId& account) const {
  const auto found = std::ranges::find(contents_.keys, account, &ApiKey::account);
  return found == contents_.keys.end() ? nullptr : &*found;
}

std::vector<const ApiKey*> MemoryDirectory::keys_of(const AccountId& account) const {
  std::vector<const ApiKey*> keys;
  for (const ApiKey& key : contents_.keys) {
    if (key.account == account) {
      keys.push_back(&key);
    }
  }
  return keys;
}

const Account* MemoryDirectory::find_account(const AccountId& id) const {
  const auto found = accounts_.find(id);
  return found == accounts_.end() ? nullptr : &contents_.accounts[found->second];
}

Account* MemoryDirectory::find(const AccountId& id) {
  const auto found = accounts_.find(id);
  return found == accounts_.end() ? nullptr : &contents_.accounts[found->second];
}

const residency::Region* MemoryDirectory::find_region(const RegionId& id) const {
  const auto found = std::ranges::find(contents_.regions, id, &residency::Region::id);
  return found == contents_.regions.end() ? nullptr : &*found;
}

const residency::Preset* MemoryDirectory::find_preset(std::string_view name) const {
  const auto found = std::ranges::find(contents_.presets, name, &residency::Preset::name);
  return found == contents_.presets.end() ? nullptr : &*found;
}

void MemoryDirectory::report_pool(std::size_t pool, residency::PoolState::Liveness liveness,
                                  std::uint32_t free) {
  MERIDIAN_CHECK(pool < contents_.pools.size());
  contents_.pools[pool].liveness = liveness;
  contents_.pools[pool].free = free;
}

residency::SharedPolicySnapshot MemoryDirectory::snapshot(std::uint64_t generation) const {
  std::vector<AccountPolicy> policies;
  policies.reserve(contents_.accounts.size());
  for (const Account& account : contents_.accounts) {
    policies.push_back(account.policy);
  }
  residency::RegionSet regions;
  for (const residency::Region& region : contents_.regions) {
    regions.insert(region.id);
  }
  return std::make_shared<const residency::PolicySnapshot>(generation, policies, regions);
}

// ---- Accounts and keys --------------------------------------------------------------------------

PolicyResult<const Account*> MemoryDirectory::create_account(NewAccount wanted,
                                                             const Author& author, UnixTime now) {
  if (!is_id(wanted.id.value()) || wanted.name.size() > kMaxNameLength) {
    return refuse(PolicyError::kInvalid,
                  "an account's id has 1 to 64 of the characters a-z, 0-9, '-', '_' and '.', and "
                  "its name at most 256 bytes");
  }
  if (find_account(wanted.id) != nullptr) {
    return refuse(PolicyError::kAlreadyExists, "there is an account " + wanted.id.value());
  }
  if (contents_.accounts.size() >= kMaxAccounts) {
    return refuse(PolicyError::kInvalid, "this node has as many accounts as it takes");
  }
  Terms terms{.account = wanted.id,
              .default_region = std::move(wanted.default_region),
              .opted_in = std::move(wanted.opted_in)};
  terms.opted_in.insert(terms.default_region);
  terms.routing_control = wanted.routing_control;
  if (auto checked = check_regions(terms, nullptr); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  if (!wanted.preset.empty()) {
    const residency::Preset* preset = find_preset(wanted.preset);
    if (preset == nullptr) {
      return refuse(PolicyError::kUnknownPreset, "there is no preset " + wanted.preset);
    }
    const RegionSet asked = terms.opted_in;  // refused rather than trimmed: it is to be seen
    terms = residency::tighten(std::move(terms), *preset, contents_.regions);
    if (terms.opted_in != asked) {
      return refuse(PolicyError::kLockedByPreset,
                    "the preset " + wanted.preset + " does not allow all of these regions");
    }
  }
  if (terms.routing_control == residency::RoutingControl::kFixed && terms.opted_in.size() > 1) {
    return refuse(PolicyError::kRoutingFixed,
                  "a plan without the choice of regions has the default region only");
  }
  Account account{.name = wanted.name.empty() ? wanted.id.value() : wanted.name,
                  .policy = AccountPolicy(residency::fix(std::move(terms)), PolicyEpoch(1)),
                  .managed_by = ManagedBy::kStore,
                  .signalling_host = std::move(wanted.signalling_host)};
  AccountPolicy policy = account.policy;
  if (auto put = put_into_force(std::move(account), std::move(policy), author, now); !put) {
    return std::unexpected(std::move(put.error()));
  }
  return find_account(wanted.id);
}

PolicyResult<const Account*> MemoryDirectory::changeable(const AccountId& id) const {
  const Account* account = find_account(id);
  if (account == nullptr) {
    return refuse(PolicyError::kUnknownAccount, "there is no account " + id.value());
  }
  if (account->managed_by == ManagedBy::kFile) {
    return refuse(PolicyError::kManagedByFile,
                  "account " + id.value() +
                      " is managed by the node's configuration file: change it there and reload");
  }
  return account;
}

PolicyResult<const ApiKey*> MemoryDirectory::own_key(const AccountId& account,
                                                     std::string_view key) const {
  if (const auto owner = changeable(account); !owner) {
    return std::unexpected(owner.error());
  }
  const ApiKey* found = find_key(key);
  if (found == nullptr || found->account != account) {
    return refuse(PolicyError::kUnknownKey, "the account has no such key");
  }
  return found;
}

PolicyResult<ApiKey> MemoryDirectory::create_key(const AccountId& account, RandomSource& random) {
  constexpr std::size_t kIdLength = 12;
  constexpr std::size_t kSecretLength = 48;  // 285 bits
  if (const auto owner = changeable(account); !owner) {
    return std::unexpected(owner.error());
  }
  if (keys_of(account).size() >= kMaxKeys) {
    return refuse(PolicyError::kInvalid,
                  "an account has at most " + std::to_string(kMaxKeys) + " keys");
  }
  ApiKey key{"API" + random.alphanumeric(kIdLength), random.alphanumeric(kSecretLength), account};
  if (find_key(key.key) != nullptr) {
    return refuse(PolicyError::kAlreadyExists, "the new key's id is taken: try again");
  }
  if (auto written = to_result(store_.put_key(key)); !written) {
    return std::unexpected(std::move(written.error()));
  }
  contents_.keys.push_back(key);
  index();
  return key;
}

PolicyResult<ApiKey> MemoryDirectory::rotate_key(const AccountId& account, std::string_view key,
                                                 Duration overlap, RandomSource& random,
                                                 UnixTime now) {
  const auto found = own_key(account, key);
  if (!found) {
    return std::unexpected(found.error());
  }
  ApiKey rotated = **found;
  rotated.previous_secret.clear();
  rotated.previous_until = {};
  if (overlap > Duration::zero()) {
    rotated.previous_secret = rotated.secret;
    rotated.previous_until = now + std::min(overlap, kMaxOverlap);
  }
  rotated.secret = random.alphanumeric(rotated.secret.size());
  if (auto written = to_result(store_.put_key(rotated)); !written) {
    return std::unexpected(std::move(written.error()));
  }
  contents_.keys[keys_.at(rotated.key)] = rotated;
  return rotated;
}

void MemoryDirectory::forget_old_secrets(UnixTime now) {
  for (ApiKey& key : contents_.keys) {
    if (key.previous_secret.empty() || now < key.previous_until) {
      continue;
    }
    key.previous_secret.clear();
    key.previous_until = {};
    (void)store_.put_key(key);  // a store that can't be written holds a secret that is void
  }
}

PolicyResult<std::uint64_t> MemoryDirectory::forget_author(const AccountId& account,
                                                           PolicyEpoch epoch) {
  const auto forgotten = store_.forget_author(account, epoch);
  if (!forgotten) {
    return refuse(PolicyError::kUnavailable, forgotten.error().message);
  }
  return *forgotten;
}

PolicyResult<void> MemoryDirectory::revoke_key(const AccountId& account, std::string_view key) {
  const auto found = own_key(account, key);
  if (!found) {
    return std::unexpected(found.error());
  }
  if (auto written = to_result(store_.remove_key(key)); !written) {
    return written;
  }
  contents_.keys.erase(contents_.keys.begin() + (*found - contents_.keys.data()));
  index();
  return {};
}

// ---- Policies -----------------------------------------------------------------------------------

PolicyResult<void> MemoryDirectory::check_regions(const Terms& terms, const Terms* before) const {
  for (const RegionId& id : terms.opted_in) {
    // A region that the operator has given up may stay named until somebody opts out of it.
    const bool is_old = before != nullptr && before->opted_in.contains(id);
    if (!is_old && find_region(id) == nullptr) {
      return refuse(PolicyError::kUnknownRegion, "there is no region " + id.value());
    }
  }
  return {};
}

PolicyResult<Terms> MemoryDirectory::check_change(Terms terms, PolicyEpoch expected,
                                                  Authority authority) const {
  const auto account = changeable(terms.account);
  if (!account) {
    return std::unexpected(account.error());
  }
  const AccountPolicy& policy = (*account)->policy;
  const Terms& before = policy.terms();
  if (policy.epoch() != expected) {
    return refuse(PolicyError::kStaleEpoch,
                  "the policy in force has epoch " + std::to_string(policy.epoch().value()));
  }
  if (terms.default_region != before.default_region ||
      !terms.opted_in.contains(before.default_region)) {
    return refuse(PolicyError::kDefaultRegionLocked,
                  before.default_region.value() +
                      " is the account's default region, which is always permitted");
  }
  if (terms.routing_control != before.routing_control || residency::fix(terms) != terms) {
    return refuse(PolicyError::kRoutingFixed,
                  "this account's plan doesn't include the choice of regions");
  }
  if (terms.preset != before.preset) {
    return refuse(PolicyError::kLockedByPreset,
                  "an account keeps the preset that it was made with");
  }
  if (auto checked = check_regions(terms, &before); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  if (auto checked = check_overrides(terms); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  if (const residency::Preset* preset = find_preset(terms.preset)) {
    if (auto checked = check_preset(terms, before, *preset, contents_.regions); !checked) {
      return std::unexpected(std::move(checked.error()));
    }
  }
  if (authority == Authority::kAdmin) {
    if (auto checked = check_own_locks(terms, before); !checked) {
      return std::unexpected(std::move(checked.error()));
    }
  }
  if (authority == Authority::kOperator && !residency::is_within(terms, before)) {
    return refuse(PolicyError::kOperatorCannotWiden,
                  "the operator can narrow what an account permits, never widen it");
  }
  return terms;
}

PolicyResult<PolicyEpoch> MemoryDirectory::change_policy(Terms terms, PolicyEpoch expected,
                                                         const Author& author, UnixTime now) {
  auto checked = check_change(std::move(terms), expected, author.authority);
  if (!checked) {
    return std::unexpected(std::move(checked.error()));
  }
  Account account = *find_account(checked->account);
  if (*checked == account.policy.terms()) {
    return account.policy.epoch();
  }
  return put_into_force(std::move(account),
                        AccountPolicy(std::move(*checked), PolicyEpoch(expected.value() + 1)),
                        author, now);
}

PolicyResult<PolicyEpoch> MemoryDirectory::put_into_force(Account account, AccountPolicy policy,
                                                          const Author& author, UnixTime now) {
  account.policy = std::move(policy);
  account.actor = author.actor;
  account.reason = author.reason;
  account.time = now;
  const PolicyVersion version{account.policy, account.actor, account.reason, account.time};
  if (auto written = to_result(store_.append(stored(account), version)); !written) {
    return std::unexpected(std::move(written.error()));
  }
  const PolicyEpoch epoch = account.policy.epoch();
  if (Account* present = find(account.id())) {
    *present = std::move(account);
  } else {
    contents_.accounts.push_back(std::move(account));
    index();
  }
  return epoch;
}

PolicyResult<PolicyEpoch> MemoryDirectory::reload_account(FileAccount from, const Author& author,
                                                          UnixTime now) {
  const AccountId id = from.terms.account;
  const Account* present = find_account(id);
  if (present != nullptr && present->managed_by != ManagedBy::kFile) {
    return refuse(PolicyError::kAlreadyExists,
                  "account " + id.value() + " is in the store already, and can't be in both");
  }
  if (auto checked =
          check_regions(from.terms, present == nullptr ? nullptr : &present->policy.terms());
      !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  for (const ApiKey& key : from.keys) {
    if (const ApiKey* taken = find_key(key.key); taken != nullptr && taken->account != id) {
      return refuse(PolicyError::kAlreadyExists,
                    "the API key " + key.key + " is another account's");
    }
  }
  std::uint64_t epoch = 1;
  if (present != nullptr) {
    epoch = present->policy.epoch().value();
  } else if (const auto last = store_.versions(id, 1, PolicyEpoch{}); last && !last->empty()) {
    epoch = last->front().policy.epoch().value() + 1;  // it was here once
  }
  Account account{.name = std::move(from.name),
                  .policy = AccountPolicy(std::move(from.terms), PolicyEpoch(epoch)),
                  .managed_by = ManagedBy::kFile,
                  .signalling_host = std::move(from.signalling_host)};
  PolicyEpoch in_force(epoch);
  if (present == nullptr || present->policy.digest() != account.policy.digest()) {
    AccountPolicy policy(account.policy.terms(), PolicyEpoch(epoch + (present == nullptr ? 0 : 1)));
    auto put = put_into_force(std::move(account), std::move(policy), author, now);
    if (!put) {
      return put;
    }
    in_force = *put;
  } else {
    Account& old = *find(id);
    old.name = std::move(account.name);
    old.signalling_host = std::move(account.signalling_host);
  }
  std::erase_if(contents_.keys, [&](const ApiKey& key) { return key.account == id; });
  contents_.keys.insert(contents_.keys.end(), from.keys.begin(), from.keys.end());
  index();
  return in_force;
}

PolicyResult<std::vector<PolicyVersion>> MemoryDirectory::history(const AccountId& account,
                                                                  std::size_t limit,
                                                                  PolicyEpoch before) const {
  if (find_account(account) == nullptr) {
    return refuse(PolicyError::kUnknownAccount, "there is no account " + account.value());
  }
  auto versions = store_.versions(account, limit, before);
  if (!versions) {
    return refuse(PolicyError::kUnavailable, std::move(versions.error().message));
  }
  return std::move(*versions);
}

}  // namespace meridian::directory
