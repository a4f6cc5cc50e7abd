#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "directory/directory.hpp"
#include "directory/memory_policy_store.hpp"

namespace meridian::directory {

/// What a directory starts from. Every region that is named exists, and ids and keys are unique:
/// config::parse has checked that, and start() the store.
struct Contents {
  std::vector<residency::Region> regions;
  std::vector<Account> accounts;
  std::vector<ApiKey> keys;
  std::vector<residency::PoolState> pools;
  std::vector<residency::Preset> presets = {};
};

/// The directory of a node that is alone: read from memory, each change written to a store first.
class MemoryDirectory final : public Directory {
 public:
  /// With a store in memory, which the contents are put into: nothing outlives this.
  explicit MemoryDirectory(Contents contents);
  /// The store has the versions of the contents already, and outlives this.
  MemoryDirectory(Contents contents, PolicyStore& store);

  [[nodiscard]] const ApiKey* find_key(std::string_view key) const override;
  [[nodiscard]] const ApiKey* key_of(const AccountId& account) const override;
  [[nodiscard]] std::vector<const ApiKey*> keys_of(const AccountId& account) const override;
  [[nodiscard]] const Account* find_account(const AccountId& id) const override;
  [[nodiscard]] std::span<const Account> accounts() const override { return contents_.accounts; }
  [[nodiscard]] std::span<const residency::Region> regions() const override {
    return contents_.regions;
  }
  [[nodiscard]] const residency::Region* find_region(const RegionId& id) const override;
  [[nodiscard]] std::span<const residency::PoolState> pools() const override {
    return contents_.pools;
  }
  [[nodiscard]] std::span<const residency::Preset> presets() const override {
    return contents_.presets;
  }
  void report_pool(std::size_t pool, residency::PoolState::Liveness liveness,
                   std::uint32_t free) override;

  [[nodiscard]] PolicyResult<const Account*> create_account(NewAccount wanted, const Author& author,
                                                            UnixTime now) override;
  [[nodiscard]] PolicyResult<ApiKey> create_key(const AccountId& account,
                                                RandomSource& random) override;
  [[nodiscard]] PolicyResult<ApiKey> rotate_key(const AccountId& account, std::string_view key,
                                                Duration overlap, RandomSource& random,
                                                UnixTime now) override;
  void forget_old_secrets(UnixTime now) override;
  [[nodiscard]] PolicyResult<std::uint64_t> forget_author(const AccountId& account,
                                                          PolicyEpoch epoch) override;
  [[nodiscard]] PolicyResult<void> revoke_key(const AccountId& account,
                                              std::string_view key) override;
  [[nodiscard]] PolicyResult<residency::AccountPolicy::Terms> check_change(
      residency::AccountPolicy::Terms terms, PolicyEpoch expected,
      Authority authority) const override;
  [[nodiscard]] PolicyResult<PolicyEpoch> change_policy(residency::AccountPolicy::Terms terms,
                                                        PolicyEpoch expected, const Author& author,
                                                        UnixTime now) override;
  [[nodiscard]] PolicyResult<PolicyEpoch> reload_account(FileAccount account, const Author& author,
                                                         UnixTime now) override;
  [[nodiscard]] PolicyResult<std::vector<PolicyVersion>> history(const AccountId& account,
                                                                 std::size_t limit,
                                                                 PolicyEpoch before) const override;
  [[nodiscard]] residency::SharedPolicySnapshot snapshot(std::uint64_t generation) const override;

 private:
  // Finds everything by its id again after something was added or removed.
  void index();
  Account* find(const AccountId& id);
  // The account, if the store manages it.
  [[nodiscard]] PolicyResult<const Account*> changeable(const AccountId& id) const;
  [[nodiscard]] PolicyResult<const ApiKey*> own_key(const AccountId& account,
                                                    std::string_view key) const;
  [[nodiscard]] PolicyResult<void> check_regions(
      const residency::AccountPolicy::Terms& terms,
      const residency::AccountPolicy::Terms* before) const;
  [[nodiscard]] const residency::Preset* find_preset(std::string_view name) const;
  // Writes the version, then puts it into force.
  PolicyResult<PolicyEpoch> put_into_force(Account account, residency::AccountPolicy policy,
                                           const Author& author, UnixTime now);

  std::unique_ptr<PolicyStore> own_store_;
  PolicyStore& store_;
  Contents contents_;
  std::map<std::string, std::size_t, std::less<>> keys_;
  std::map<AccountId, std::size_t> accounts_;
};

}  // namespace meridian::directory
