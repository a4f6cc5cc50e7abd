#pragma once

#include <vector>

#include "config/config.hpp"
#include "config/yaml_node.hpp"

namespace meridian::config {

/// Reads `presets`, a map from their names.
[[nodiscard]] std::vector<residency::Preset> read_presets(const YamlNode& node);

/// A list of setting names, `opted_in` and so on.
[[nodiscard]] std::set<residency::Setting> read_settings(const YamlNode& node);

}  // namespace meridian::config
