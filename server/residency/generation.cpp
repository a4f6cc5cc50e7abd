#include "residency/generation.hpp"

#include <algorithm>

namespace meridian::residency {

PolicySnapshot::PolicySnapshot(std::uint64_t generation, std::span<const AccountPolicy> policies)
    : generation_(generation), policies_(policies.begin(), policies.end()) {
  std::ranges::sort(policies_, {}, &AccountPolicy::account);
}

bool PolicySnapshot::admits(const AccountId& account, const RegionId& region,
                            const LevelNames& levels, PolicyEpoch epoch) const {
  const auto policy = std::ranges::lower_bound(policies_, account, {}, &AccountPolicy::account);
  return policy != policies_.end() && policy->account() == account && epoch <= policy->epoch() &&
         policy->allows(region, levels);
}

}  // namespace meridian::residency
