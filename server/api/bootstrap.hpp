#pragma once

#include "config/config.hpp"
#include "directory/memory_directory.hpp"

namespace meridian::api {

/// What a configuration puts into the directory. Policies start at epoch 1, pools live with all of
/// their room free, in the order of `config.pools`.
[[nodiscard]] directory::Contents directory_contents(const config::Config& config);

}  // namespace meridian::api
