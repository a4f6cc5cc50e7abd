#pragma once

#include <memory>
#include <string>

#include "base/expected.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"
#include "config/config.hpp"
#include "directory/startup.hpp"
#include "io/sqlite_store.hpp"

namespace meridian::io {

/// The store and the directory above it, which must not outlive it.
struct OpenedDirectory {
  std::unique_ptr<SqliteStore> store;
  std::unique_ptr<directory::Directory> directory;
};

/// Opens the policy store in the configuration's data folder and starts from it. Errors: sentences
/// with what is wrong and, where it helps, the command that confirms the policies as they now are
/// (see directory/startup.hpp).
[[nodiscard]] base::Expected<OpenedDirectory, base::Error> open_directory(
    const config::Config& config, directory::RecordedPolicies recorded, UnixTime now);

/// Who confirms which account's present policy, and why.
struct Confirmation {
  AccountId account;
  std::string reason;
};
/// Writes the confirmation to store and audit log; the node must not run. The result is the epoch
/// of the confirmed policy.
[[nodiscard]] base::Expected<PolicyEpoch, base::Error> confirm_policy(
    const config::Config& config, const Confirmation& confirmation, UnixTime now);

}  // namespace meridian::io
