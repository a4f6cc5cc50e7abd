#pragma once

#include "config/config.hpp"
#include "config/yaml_node.hpp"

namespace meridian::config {

/// Reads `admin`. Static tokens are a mistake unless `endpoint` is kDevelopment.
[[nodiscard]] Admin read_admin(const YamlNode& node, TokenEndpoint endpoint);

/// Reads `audit`.
[[nodiscard]] Audit read_audit(const YamlNode& node);

}  // namespace meridian::config
