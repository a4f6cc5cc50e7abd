#include "directory/memory_policy_store.hpp"

#include <algorithm>
#include <utility>

namespace meridian::directory {

base::Expected<std::vector<PolicyStore::Entry>, base::Error> MemoryPolicyStore::accounts() const {
  std::vector<Entry> entries;
  entries.reserve(accounts_.size());
  for (const Held& held : accounts_) {
    entries.push_back({held.account, held.versions.back()});
  }
  return entries;
}

base::Expected<std::vector<ApiKey>, base::Error> MemoryPolicyStore::keys() const {
  return keys_;
}

base::Expected<std::vector<PolicyVersion>, base::Error> MemoryPolicyStore::versions(
    const AccountId& account, std::size_t limit, PolicyEpoch before) const {
  std::vector<PolicyVersion> found;
  for (const Held& held : accounts_) {
    if (held.account.id != account) {
      continue;
    }
    for (auto version = held.versions.rbegin(); version != held.versions.rend(); ++version) {
      if (found.size() == std::min(limit, kMaxListed)) {
        break;
      }
      if (before == PolicyEpoch{} || version->policy.epoch() < before) {
        found.push_back(*version);
      }
    }
  }
  return found;
}

base::Expected<void, base::Error> MemoryPolicyStore::append(const StoredAccount& account,
                                                            const PolicyVersion& version) {
  auto held = std::ranges::find_if(
      accounts_, [&](const Held& candidate) { return candidate.account.id == account.id; });
  if (held == accounts_.end()) {
    accounts_.push_back({account, {version}});
    return {};
  }
  if (version.policy.epoch() <= held->versions.back().policy.epoch()) {
    return base::fail("account " + account.id.value() + " has a newer policy already");
  }
  held->account = account;
  held->versions.push_back(version);
  return {};
}

base::Expected<std::uint64_t, base::Error> MemoryPolicyStore::forget_author(
    const AccountId& account, PolicyEpoch epoch) {
  std::uint64_t forgotten = 0;
  for (Held& held : accounts_) {
    const auto version = std::ranges::find_if(held.versions, [&](const PolicyVersion& candidate) {
      return held.account.id == account && candidate.policy.epoch() == epoch;
    });
    if (version == held.versions.end() || version->actor == kForgotten) {
      continue;
    }
    const std::string author = version->actor;
    for (PolicyVersion& same : held.versions) {
      if (same.actor == author) {
        same.actor = same.reason = kForgotten;
        ++forgotten;
      }
    }
  }
  return forgotten;
}

base::Expected<void, base::Error> MemoryPolicyStore::put_key(const ApiKey& key) {
  const auto found = std::ranges::find(keys_, key.key, &ApiKey::key);
  if (found == keys_.end()) {
    keys_.push_back(key);
  } else {
    *found = key;
  }
  return {};
}

base::Expected<void, base::Error> MemoryPolicyStore::remove_key(std::string_view key) {
  std::erase_if(keys_, [&](const ApiKey& candidate) { return candidate.key == key; });
  return {};
}

}  // namespace meridian::directory
