#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/address.hpp"
#include "base/ids.hpp"

/// HTTP as values: `io` parses and writes it, everything below decides on these structs.
namespace meridian::signalling {

struct HttpHeader {
  std::string name;
  std::string value;
};

/// Longest request target that a listener must take: a join request with its SDP travels in it.
inline constexpr std::size_t kMaxRequestTarget = 128 * 1024;
/// Largest request body of any endpoint; beyond it `io` answers 413.
inline constexpr std::size_t kMaxRequestBody = 10 * 1024 * 1024;

/// One request, complete. `target` is as on the request line (path and query, still escaped).
struct HttpRequest {
  std::string method;
  std::string target;
  std::vector<HttpHeader> headers;
  std::string body;
  /// Who connected.
  SocketAddress remote;
  /// Region of the listener on which it came.
  RegionId listener_region;
  bool is_tls = false;

  /// Value of the first header of that name, compared without case; empty when absent.
  [[nodiscard]] std::string_view header(std::string_view name) const;
  /// Path without query; a run of leading slashes is collapsed to one.
  [[nodiscard]] std::string_view path() const;
  /// First query parameter of that name, percent-decoded (`+` stays `+`: tokens and base64 are not
  /// form data); nothing when absent or when its escapes are malformed.
  [[nodiscard]] std::optional<std::string> query(std::string_view name) const;
};

struct HttpResponse {
  unsigned status = 200;
  std::vector<HttpHeader> headers;
  std::string body;

  static HttpResponse text(unsigned status, std::string body);
  static HttpResponse json(unsigned status, std::string body);
  HttpResponse& with(std::string name, std::string value) & {
    headers.push_back({std::move(name), std::move(value)});
    return *this;
  }
};

/// Names a response that comes later.
using PendingResponse = base::StrongInt<struct PendingResponseTag, std::uint64_t>;
/// What a request is answered with: now, or when what it asked for is done.
using HttpAnswer = std::variant<HttpResponse, PendingResponse>;

/// Adds the headers that let any web page read the response (the clients' pages live elsewhere).
void allow_every_origin(HttpResponse& response);
/// The answer to a preflight request.
[[nodiscard]] HttpResponse preflight();

}  // namespace meridian::signalling
