#include "residency/generation.hpp"

#include <algorithm>
#include <utility>

namespace meridian::residency {

PolicySnapshot::PolicySnapshot(std::uint64_t generation, std::span<const AccountPolicy> policies,
                               const RegionSet& regions, std::set<AccountId> restricted)
    : generation_(generation),
      policies_(policies.begin(), policies.end()),
      regions_(regions),
      restricted_(std::move(restricted)) {
  std::ranges::sort(policies_, {}, &AccountPolicy::account);
}

const AccountPolicy* PolicySnapshot::find(const AccountId& account) const {
  const auto policy = std::ranges::lower_bound(policies_, account, {}, &AccountPolicy::account);
  return policy != policies_.end() && policy->account() == account ? &*policy : nullptr;
}

bool PolicySnapshot::admits(const AccountId& account, const RegionId& region,
                            const LevelNames& levels, PolicyEpoch epoch) const {
  const AccountPolicy* policy = find(account);
  return policy != nullptr && epoch <= policy->epoch() && policy->allows(region, levels);
}

bool PolicySnapshot::is_restricted(const AccountId& account, const LevelNames& levels) const {
  const AccountPolicy* policy = find(account);
  return policy == nullptr || regions_.empty() || restricted_.contains(account) ||
         !std::ranges::all_of(
             regions_, [&](const RegionId& region) { return policy->allows(region, levels); });
}

}  // namespace meridian::residency
