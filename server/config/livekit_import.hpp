#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/expected.hpp"
#include "config/config.hpp"

namespace meridian::config {

/// A LiveKit configuration in our words.
struct Imported {
  /// A whole configuration for `meridian check-config`; what has to be filled in is marked
  /// `change`.
  std::string yaml;
  /// What was in the file and has no counterpart, or means something else here; one sentence each,
  /// after its key.
  std::vector<std::string> notes;
};

/// Turns a livekit.yaml into ours. API secrets are taken over. Error: it isn't YAML, or no map.
[[nodiscard]] base::Expected<Imported, std::vector<Problem>> import_livekit(std::string_view text,
                                                                            std::string_view file);

}  // namespace meridian::config
