#pragma once

#include <map>
#include <string>
#include <vector>

#include "directory/directory.hpp"

namespace meridian::directory {

/// What a directory starts from. Every region that is named exists, and ids and keys are unique:
/// config::parse has checked that.
struct Contents {
  std::vector<residency::Region> regions;
  std::vector<Account> accounts;
  std::vector<ApiKey> keys;
  std::vector<residency::PoolState> pools;
};

/// The directory of a node that is alone: all of it in memory.
class MemoryDirectory final : public Directory {
 public:
  explicit MemoryDirectory(Contents contents);

  [[nodiscard]] const ApiKey* find_key(std::string_view key) const override;
  [[nodiscard]] const ApiKey* key_of(const AccountId& account) const override;
  [[nodiscard]] const Account* find_account(const AccountId& id) const override;
  [[nodiscard]] std::span<const Account> accounts() const override { return contents_.accounts; }
  [[nodiscard]] std::span<const residency::Region> regions() const override {
    return contents_.regions;
  }
  [[nodiscard]] const residency::Region* find_region(const RegionId& id) const override;
  [[nodiscard]] std::span<const residency::PoolState> pools() const override {
    return contents_.pools;
  }
  void report_pool(std::size_t pool, residency::PoolState::Liveness liveness,
                   std::uint32_t free) override;
  [[nodiscard]] base::Expected<PolicyEpoch, PolicyError> change_opted_in(
      const AccountId& account, residency::RegionSet opted_in, PolicyEpoch expected) override;
  [[nodiscard]] residency::SharedPolicySnapshot snapshot(std::uint64_t generation) const override;

 private:
  Contents contents_;
  std::map<std::string, std::size_t, std::less<>> keys_;
  std::map<AccountId, std::size_t> accounts_;
};

}  // namespace meridian::directory
