#pragma once

#include <map>
#include <span>
#include <vector>

#include "audit/digest.hpp"
#include "base/expected.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"
#include "directory/directory.hpp"
#include "directory/memory_directory.hpp"
#include "directory/policy_store.hpp"

/// What a node starts with: the accounts of its configuration and those of its store, put together.
///
/// A restart must not undo an opt-out. So the policy of an account is refused when it permits more
/// than the last version on record, or when the record is older than the audit log says: a copy of
/// the configuration or of the data folder from before. An operator who means it says so with
/// `meridian routing confirm`, which is recorded.
namespace meridian::directory {

/// The last policy of an account in the audit log.
struct RecordedPolicy {
  PolicyEpoch epoch;
  audit::Digest digest;
  friend bool operator==(const RecordedPolicy&, const RecordedPolicy&) = default;
};
using RecordedPolicies = std::map<AccountId, RecordedPolicy>;

struct StartingPoint {
  /// Regions, pools and presets, without accounts.
  Contents contents;
  /// Those of the configuration.
  std::vector<FileAccount> accounts;
  RecordedPolicies recorded;
  UnixTime now;
};

/// A version that starting makes: to be appended to the store before the node serves.
struct NewVersion {
  StoredAccount account;
  PolicyVersion version;
};

struct Start {
  Contents contents;
  std::vector<NewVersion> versions;
};

/// What speaks against starting, one sentence for each account.
struct StartRefusal {
  AccountId account;
  std::string message;
  /// Whether `meridian routing confirm` helps; else configuration or data folder need mending.
  bool is_confirmable = false;
};

/// Pure but for reading `store`. Errors: at least one refusal; then nothing may be written.
[[nodiscard]] base::Expected<Start, std::vector<StartRefusal>> start(const StartingPoint& from,
                                                                     const PolicyStore& store);

/// The version that puts an account's present policy (the configuration's, or the store's newest)
/// on record above everything that was recorded, by an operator's decision. Error: there is no such
/// account, or it can't be confirmed.
[[nodiscard]] base::Expected<NewVersion, base::Error> confirm(const StartingPoint& from,
                                                              const PolicyStore& store,
                                                              const AccountId& account,
                                                              const Author& author);

}  // namespace meridian::directory
