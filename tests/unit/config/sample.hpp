#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"

/// A small right configuration, and what parse() says when one line of it is replaced.
namespace meridian::config::testing_support {

inline constexpr std::string_view kSample = R"(regions:
  - id: uk
    latitude: 51.5
    longitude: -0.1
    url: ws://127.0.0.1:7880
  - id: us
    latitude: 38.9
    longitude: -77.0
    url: ws://127.0.0.1:7881
pools:
  - region: uk
    workers: 2
    signalling: ["127.0.0.1:7880"]
    media:
      address: 127.10.0.1
      port: 7900
  - region: us
    signalling: ["127.0.0.1:7881"]
    media:
      address: 127.20.0.1
      port: 7900
accounts:
  - id: a
    default_region: uk
    opted_in: [us]
    api_keys: [{key: k, secret: 0123456789abcdef0123456789abcdef}]
metrics:
  listen: 127.0.0.1:7888
)";

/// The sample with the first occurrence of `from` replaced.
inline std::string sample_with(std::string_view from, std::string_view to) {
  std::string text(kSample);
  const std::size_t at = text.find(from);
  return at == std::string::npos ? "the sample has no such text"
                                 : text.replace(at, from.size(), to);
}

/// `line: path: message`, or `path: message` of what has no line.
inline std::string without_file(const Problem& problem) {
  return problem.to_string().substr(problem.line == 0 ? 3 : 2);
}

/// All problems of a text, each as `line: path: message`.
inline std::vector<std::string> problems_of(std::string_view text) {
  std::vector<std::string> lines;
  const auto loaded = parse(text, "f");
  if (!loaded) {
    for (const Problem& problem : loaded.error()) {
      lines.push_back(without_file(problem));
    }
  }
  return lines;
}

/// All warnings of a text without errors.
inline std::vector<std::string> warnings_of(std::string_view text) {
  std::vector<std::string> lines;
  for (const Problem& problem : parse(text, "f").value().warnings) {
    lines.push_back(without_file(problem));
  }
  return lines;
}

}  // namespace meridian::config::testing_support
