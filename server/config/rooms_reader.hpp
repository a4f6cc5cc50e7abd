#pragma once

#include "config/config.hpp"
#include "config/yaml_node.hpp"

namespace meridian::config {

/// Reads the section `rooms`.
[[nodiscard]] Rooms read_rooms(const YamlNode& node, const Limits& limits);

}  // namespace meridian::config
