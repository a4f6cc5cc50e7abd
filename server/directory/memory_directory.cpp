#include "directory/memory_directory.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"

namespace meridian::directory {

MemoryDirectory::MemoryDirectory(Contents contents) : contents_(std::move(contents)) {
  for (std::size_t i = 0; i < contents_.accounts.size(); ++i) {
    MERIDIAN_CHECK(accounts_.emplace(contents_.accounts[i].id(), i).second);
  }
  for (std::size_t i = 0; i < contents_.keys.size(); ++i) {
    MERIDIAN_CHECK(accounts_.contains(contents_.keys[i].account));
    MERIDIAN_CHECK(keys_.emplace(contents_.keys[i].key, i).second);
  }
}

const ApiKey* MemoryDirectory::find_key(std::string_view key) const {
  const auto found = keys_.find(key);
  return found == keys_.end() ? nullptr : &contents_.keys[found->second];
}

const ApiKey* MemoryDirectory::key_of(const AccountId& account) const {
  const auto found = std::ranges::find(contents_.keys, account, &ApiKey::account);
  return found == contents_.keys.end() ? nullptr : &*found;
}

const Account* MemoryDirectory::find_account(const AccountId& id) const {
  const auto found = accounts_.find(id);
  return found == accounts_.end() ? nullptr : &contents_.accounts[found->second];
}

const residency::Region* MemoryDirectory::find_region(const RegionId& id) const {
  const auto found = std::ranges::find(contents_.regions, id, &residency::Region::id);
  return found == contents_.regions.end() ? nullptr : &*found;
}

void MemoryDirectory::report_pool(std::size_t pool, residency::PoolState::Liveness liveness,
                                  std::uint32_t free) {
  MERIDIAN_CHECK(pool < contents_.pools.size());
  contents_.pools[pool].liveness = liveness;
  contents_.pools[pool].free = free;
}

base::Expected<PolicyEpoch, PolicyError> MemoryDirectory::change_opted_in(
    const AccountId& account, residency::RegionSet opted_in, PolicyEpoch expected) {
  const auto found = accounts_.find(account);
  if (found == accounts_.end()) {
    return std::unexpected(PolicyError::kUnknownAccount);
  }
  residency::AccountPolicy& policy = contents_.accounts[found->second].policy;
  if (policy.epoch() != expected) {
    return std::unexpected(PolicyError::kStaleEpoch);
  }
  if (!opted_in.contains(policy.default_region())) {
    return std::unexpected(PolicyError::kDefaultRegionLocked);
  }
  if (std::ranges::any_of(opted_in, [&](const RegionId& id) { return !find_region(id); })) {
    return std::unexpected(PolicyError::kUnknownRegion);
  }
  if (opted_in != policy.effective()) {
    residency::AccountPolicy::Terms terms = policy.terms();
    terms.opted_in = std::move(opted_in);
    policy = residency::AccountPolicy(std::move(terms), PolicyEpoch(expected.value() + 1));
  }
  return policy.epoch();
}

residency::SharedPolicySnapshot MemoryDirectory::snapshot(std::uint64_t generation) const {
  std::vector<residency::AccountPolicy> policies;
  policies.reserve(contents_.accounts.size());
  for (const Account& account : contents_.accounts) {
    policies.push_back(account.policy);
  }
  return std::make_shared<const residency::PolicySnapshot>(generation, policies);
}

}  // namespace meridian::directory
