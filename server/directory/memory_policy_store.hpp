#pragma once

#include <map>
#include <string>
#include <vector>

#include "directory/policy_store.hpp"

namespace meridian::directory {

/// A store that ends with the process: for nodes that are tests and simulations.
class MemoryPolicyStore final : public PolicyStore {
 public:
  [[nodiscard]] base::Expected<std::vector<Entry>, base::Error> accounts() const override;
  [[nodiscard]] base::Expected<std::vector<ApiKey>, base::Error> keys() const override;
  [[nodiscard]] base::Expected<std::vector<PolicyVersion>, base::Error> versions(
      const AccountId& account, std::size_t limit, PolicyEpoch before) const override;
  base::Expected<void, base::Error> append(const StoredAccount& account,
                                           const PolicyVersion& version) override;
  base::Expected<std::uint64_t, base::Error> forget_author(const AccountId& account,
                                                           PolicyEpoch epoch) override;
  base::Expected<void, base::Error> put_key(const ApiKey& key) override;
  base::Expected<void, base::Error> remove_key(std::string_view key) override;

 private:
  struct Held {
    StoredAccount account;
    std::vector<PolicyVersion> versions;  // oldest first
  };
  std::vector<Held> accounts_;  // by age
  std::vector<ApiKey> keys_;
};

}  // namespace meridian::directory
