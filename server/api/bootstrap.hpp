#pragma once

#include <vector>

#include "config/config.hpp"
#include "directory/startup.hpp"

namespace meridian::api {

/// What a directory in memory starts with: the configuration's regions, pools, presets, and its
/// accounts, each with its first policy.
[[nodiscard]] directory::Contents directory_contents(const config::Config& config);

/// The configuration's accounts, as a reload or a start takes them.
[[nodiscard]] std::vector<directory::FileAccount> file_accounts(const config::Config& config);

/// The same for a directory with a store. `recorded`: the policies in the audit log.
[[nodiscard]] directory::StartingPoint starting_point(const config::Config& config,
                                                      directory::RecordedPolicies recorded,
                                                      UnixTime now);

}  // namespace meridian::api
