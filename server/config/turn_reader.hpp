#pragma once

#include <vector>

#include "config/config.hpp"
#include "config/yaml_node.hpp"
#include "residency/region.hpp"

namespace meridian::config {

/// Reads `pools[].turn` of a pool whose other keys are read. `is_tls`: listeners have a
/// certificate.
[[nodiscard]] Turn read_turn(const YamlNode& node, const Pool& pool, bool is_tls,
                             const std::vector<residency::Region>& regions);

}  // namespace meridian::config
