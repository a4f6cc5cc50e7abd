#include "residency/generation.hpp"

#include <algorithm>

namespace meridian::residency {

PolicySnapshot::PolicySnapshot(std::uint64_t generation, std::span<const AccountPolicy> policies)
    : generation_(generation) {
  entries_.reserve(policies.size());
  for (const AccountPolicy& policy : policies) {
    const RegionSet& regions = policy.effective();
    entries_.push_back({policy.account(), policy.epoch(), {regions.begin(), regions.end()}});
  }
  std::ranges::sort(entries_, {}, &Entry::account);
}

bool PolicySnapshot::admits(const AccountId& account, const RegionId& region,
                            PolicyEpoch epoch) const {
  const auto entry = std::ranges::lower_bound(entries_, account, {}, &Entry::account);
  return entry != entries_.end() && entry->account == account && epoch <= entry->epoch &&
         std::ranges::binary_search(entry->regions, region);
}

}  // namespace meridian::residency
