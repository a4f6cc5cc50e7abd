#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "base/time.hpp"
#include "signalling/http.hpp"

/// The text of HTTP/1.1 responses, as values.
namespace meridian::io {

/// A response whose body may be shared with others (a file in memory) instead of copied.
struct HttpReply {
  signalling::HttpResponse response;
  /// Sent instead of response.body when not null.
  std::shared_ptr<const std::string> shared_body;

  [[nodiscard]] std::string_view body() const {
    return shared_body ? std::string_view(*shared_body) : std::string_view(response.body);
  }
};

/// What a handler answers: now, or by HttpServer::respond() when it has come to it.
using HttpResult = std::variant<HttpReply, signalling::PendingResponse>;

enum class KeepAlive : std::uint8_t { kNo, kYes };

/// Status line and headers with the empty line after them. Content-Length is that of body() (none
/// with 1xx, 204 and 304), Date is `now`. A header whose name or value holds a control character is
/// left out: nothing that came from a peer can end a header.
[[nodiscard]] std::string render_head(const HttpReply& reply, KeepAlive keep_alive, UnixTime now);

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 section 5.6.7).
[[nodiscard]] std::string http_date(UnixTime time);

/// Whether a comma-separated header value such as Accept-Encoding names `token` (without case) and
/// does not refuse it with `q=0`.
[[nodiscard]] bool lists_token(std::string_view value, std::string_view token);

}  // namespace meridian::io
