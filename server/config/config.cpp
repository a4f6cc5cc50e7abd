#include "config/config.hpp"

#include <algorithm>

namespace meridian::config {

const residency::Region* Config::region(const RegionId& id) const {
  const auto found = std::ranges::find(regions, id, &residency::Region::id);
  return found == regions.end() ? nullptr : &*found;
}

std::string Problem::to_string() const {
  std::string text = file;
  if (line != 0) {
    text += ":" + std::to_string(line);
  }
  if (!path.empty()) {
    text += ": " + path;
  }
  return text + ": " + message;
}

}  // namespace meridian::config
