#pragma once

#include <vector>

#include "config/config.hpp"
#include "config/yaml_node.hpp"

namespace meridian::config {

/// Reads `webhooks` of an account, whose keys are known already.
[[nodiscard]] std::vector<Webhook> read_webhooks(const YamlNode& node, const Account& account,
                                                 const std::vector<residency::Region>& regions);

}  // namespace meridian::config
