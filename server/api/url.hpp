#pragma once

#include <optional>
#include <string>
#include <string_view>

/// The few things that we need of RFC 3986.
namespace meridian::api {

/// An absolute `http`, `https`, `ws` or `wss` URL, taken apart.
struct Url {
  bool is_secure = false;  // https or wss
  /// A name, or an address without the brackets of IPv6.
  std::string host;
  /// The scheme's own when none was given.
  std::string port;
  /// Path and query as they were, without fragment; at least `/`.
  std::string target;

  /// What stands in a Host header.
  [[nodiscard]] std::string authority() const;
  friend bool operator==(const Url&, const Url&) = default;
};
/// Nothing for other schemes, user information, an empty host, a port that is no number, and any
/// control character or space.
[[nodiscard]] std::optional<Url> parse_url(std::string_view text);

/// Nothing when an escape is malformed. `+` stays `+`: tokens and base64 are not form data.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text);
/// Everything but unreserved characters is escaped: one path segment or query value.
[[nodiscard]] std::string percent_encode(std::string_view text);

/// The first query parameter of that name in a request target, decoded; nothing when absent or
/// malformed.
[[nodiscard]] std::optional<std::string> query_parameter(std::string_view target,
                                                         std::string_view name);

}  // namespace meridian::api
