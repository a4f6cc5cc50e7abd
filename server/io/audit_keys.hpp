#pragma once

#include <filesystem>
#include <string>

#include "base/expected.hpp"
#include "base/random.hpp"
#include "base/time.hpp"
#include "node/evidence.hpp"

namespace meridian::io {

/// A key that is older than this is followed by a new one at the next start.
inline constexpr Duration kAuditKeyLifetime = std::chrono::hours(24 * 365);

/// The private keys of the audit log, in `DATA_DIR/keys/audit.json`, readable by the node's user
/// only. Makes the file at the first start. `published`: the key that the log published last, so
/// that the log keeps its name even when the file was lost.
[[nodiscard]] base::Expected<node::EvidenceKeys, base::Error> open_audit_keys(
    const std::filesystem::path& data_dir, const std::string& published, RandomSource& random,
    UnixTime now);

/// Makes a new key, which the node publishes when it starts next and which the old one signs for.
/// The new public key; an error when there is no old one.
[[nodiscard]] base::Expected<std::string, base::Error> rotate_audit_key(
    const std::filesystem::path& data_dir, RandomSource& random, UnixTime now);

/// The first checkpoint under a new key is stored: the old one is deleted. Errors are for the log.
[[nodiscard]] base::Expected<void, base::Error> forget_previous_audit_key(
    const std::filesystem::path& data_dir);

}  // namespace meridian::io
