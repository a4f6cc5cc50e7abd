#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "config/yaml_node.hpp"

namespace meridian::config {

/// An identifier that operators make: 1 to 64 of a-z, 0-9, `-`, `_` and `.`. Empty when absent or
/// malformed, which is reported.
[[nodiscard]] std::string read_id(const YamlNode& node);
[[nodiscard]] bool is_id(std::string_view text);

/// Reads `accounts`, whose regions and presets must be among these.
[[nodiscard]] std::vector<Account> read_accounts(const YamlNode& node,
                                                 const std::vector<residency::Region>& regions,
                                                 const std::vector<residency::Preset>& presets);

}  // namespace meridian::config
