#pragma once

#include <vector>

#include "config/config.hpp"
#include "config/yaml_node.hpp"

namespace meridian::config {

/// An identifier that operators make: 1 to 64 of a-z, 0-9, `-`, `_` and `.`. Empty when absent or
/// malformed, which is reported.
[[nodiscard]] std::string read_id(const YamlNode& node);

/// Reads `accounts`, whose regions must be among `regions`.
[[nodiscard]] std::vector<Account> read_accounts(const YamlNode& node,
                                                 const std::vector<residency::Region>& regions);

}  // namespace meridian::config
