#pragma once

#include <string>
#include <vector>

#include "base/expected.hpp"
#include "config/config.hpp"

namespace meridian::io {

/// Reads and checks a configuration file. Errors: every problem; one without a line when the file
/// can't be read.
[[nodiscard]] base::Expected<config::Loaded, std::vector<config::Problem>> load_config_file(
    const std::string& path);

}  // namespace meridian::io
