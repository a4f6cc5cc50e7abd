#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/expected.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"
#include "residency/policy.hpp"

namespace meridian::directory {

/// A token names its key in `iss`; the key belongs to one account.
struct ApiKey {
  std::string key;
  std::string secret;
  AccountId account;
  /// The secret before the last rotation counts until then; empty when there is none.
  std::string previous_secret = {};
  UnixTime previous_until = {};
  friend bool operator==(const ApiKey&, const ApiKey&) = default;
};

/// Who defines an account. Never both: a node doesn't start with an account that is in its file and
/// in its store.
enum class ManagedBy : std::uint8_t {
  kFile,   // the configuration; changed there and reloaded
  kStore,  // the API
};
[[nodiscard]] std::string_view name_of(ManagedBy managed_by);

/// A policy as it was put into force. Never changed afterwards.
struct PolicyVersion {
  residency::AccountPolicy policy;
  /// Who: the name of a static token, or the sign-in provider's subject; kForgotten once erased.
  std::string actor;
  std::string reason;
  UnixTime time;
};

/// What the store knows of an account besides its versions.
struct StoredAccount {
  AccountId id;
  std::string name;
  ManagedBy managed_by = ManagedBy::kStore;
  /// Host name of its signalling; empty = that of the regions.
  std::string signalling_host;
  friend bool operator==(const StoredAccount&, const StoredAccount&) = default;
};

/// Where accounts, keys and every policy version outlive the process. A call that changes
/// something returns once that has reached the disk, so that what it answered survives a crash;
/// when it fails, nothing was changed. Versions can only be appended; only their authors can be
/// forgotten.
class PolicyStore {
 public:
  virtual ~PolicyStore() = default;

  /// Bytes of an actor or a reason.
  static constexpr std::size_t kMaxText = 256;
  /// Most versions that one call of versions() gives.
  static constexpr std::size_t kMaxListed = 1000;

  struct Entry {
    StoredAccount account;
    /// The last one; also that of accounts which come from the file.
    PolicyVersion version;
  };
  /// All accounts that ever were.
  [[nodiscard]] virtual base::Expected<std::vector<Entry>, base::Error> accounts() const = 0;
  [[nodiscard]] virtual base::Expected<std::vector<ApiKey>, base::Error> keys() const = 0;
  /// Newest first, those before epoch `before` (0 = all), at most `limit`.
  [[nodiscard]] virtual base::Expected<std::vector<PolicyVersion>, base::Error> versions(
      const AccountId& account, std::size_t limit, PolicyEpoch before) const = 0;

  /// Makes or updates the account and appends the version, whose epoch must be higher than all that
  /// the account has.
  virtual base::Expected<void, base::Error> append(const StoredAccount& account,
                                                   const PolicyVersion& version) = 0;
  /// What stands for an author, and for the author's words, once they are forgotten.
  static constexpr std::string_view kForgotten = "erased";
  /// Forgets who made this version, in all versions of the account with the same author: nothing
  /// else in a version can change. How many versions that were.
  virtual base::Expected<std::uint64_t, base::Error> forget_author(const AccountId& account,
                                                                   PolicyEpoch epoch) = 0;
  /// Adds a key or replaces the secrets of the one with this id.
  virtual base::Expected<void, base::Error> put_key(const ApiKey& key) = 0;
  virtual base::Expected<void, base::Error> remove_key(std::string_view key) = 0;
};

}  // namespace meridian::directory
