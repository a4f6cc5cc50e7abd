#include "io/config_file.hpp"

#include <fstream>
#include <iterator>

namespace meridian::io {

base::Expected<config::Loaded, std::vector<config::Problem>> load_config_file(
    const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in.is_open() || in.bad()) {
    return std::unexpected(std::vector{config::Problem{path, 0, "", "cannot be read"}});
  }
  return config::parse(text, path);
}

}  // namespace meridian::io
