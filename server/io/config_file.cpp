#include "io/config_file.hpp"

#include <fstream>
#include <sstream>

namespace meridian::io {

base::Expected<config::Loaded, std::vector<config::Problem>> load_config_file(
    const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();  // a folder opens, too, and fails here only
  if (!in.is_open() || text.bad()) {
    return std::unexpected(std::vector{config::Problem{path, 0, "", "cannot be read"}});
  }
  return config::parse(text.str(), path);
}

}  // namespace meridian::io
