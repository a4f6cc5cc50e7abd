#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/expected.hpp"
#include "base/time.hpp"

namespace boost::asio {
class io_context;
}

namespace meridian::io {

/// A request to a server that the operator's configuration or the command line names.
struct HttpFetch {
  std::string method = "GET";
  /// `https://…` or `http://…`.
  std::string url = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  /// For the whole exchange, name look-up included.
  Duration timeout = 10s;
  /// A longer body is an error.
  std::size_t max_body = 1024UL * 1024;
};

struct HttpFetched {
  unsigned status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  /// Value of the first header of that name, compared without case; empty when absent.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

/// HTTP/1.1 requests, one connection each, on one Asio context. A server's certificate is checked
/// against the system's authorities (OpenSSL's SSL_CERT_FILE applies) and the name in the URL.
/// Redirects are not followed.
class HttpFetcher {
 public:
  using Done = std::function<void(base::Expected<HttpFetched, base::Error>)>;
  /// Exchanges under way at the same time; beyond it fetch() fails at once.
  static constexpr std::size_t kMaxExchanges = 64;

  explicit HttpFetcher(boost::asio::io_context& context);
  ~HttpFetcher();
  HttpFetcher(const HttpFetcher&) = delete;
  HttpFetcher& operator=(const HttpFetcher&) = delete;

  /// `done` is called once, on the context's thread and never from within this call. The error is a
  /// sentence with the server's name and without the rest of the URL.
  void fetch(HttpFetch fetch, Done done);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// One exchange, waited for: for the command line.
[[nodiscard]] base::Expected<HttpFetched, base::Error> fetch_and_wait(HttpFetch fetch);

}  // namespace meridian::io
