#include "io/http_fetcher.hpp"

#include <algorithm>
#include <optional>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <openssl/ssl.h>

#include "api/url.hpp"
#include "io/http_connection.hpp"
#include "io/http_message.hpp"

namespace meridian::io {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using Error = boost::system::error_code;
using FetchResult = base::Expected<HttpFetched, base::Error>;

constexpr std::uint32_t kMaxHeader = 32 * 1024;
constexpr std::size_t kMaxBuffer = 64 * 1024;

auto report_to(Error& error) {
  return asio::redirect_error(asio::use_awaitable, error);
}

bool has_line_break(std::string_view text) {
  return text.find_first_of("\r\n") != std::string_view::npos;
}

std::string render(const HttpFetch& fetch, const api::Url& target) {
  std::string text = fetch.method + " " + target.target +
                     " HTTP/1.1\r\nHost: " + target.authority() +
                     "\r\nConnection: close\r\nUser-Agent: meridian\r\n";
  for (const auto& [name, value] : fetch.headers) {
    if (!has_line_break(name) && !has_line_break(value)) {
      text.append(name).append(": ").append(value).append("\r\n");
    }
  }
  if (!fetch.body.empty() || fetch.method != "GET") {
    text += "Content-Length: " + std::to_string(fetch.body.size()) + "\r\n";
  }
  return text + "\r\n" + fetch.body;
}

/// One request; keeps itself alive until it is done.
class Exchange final : public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(asio::io_context& context, asio::ssl::context& tls, HttpFetch fetch)
      : context_(context),
        tls_(tls),
        fetch_(std::move(fetch)),
        timer_(context),
        resolver_(context) {}

  void start(HttpFetcher::Done done) {
    timer_.expires_after(fetch_.timeout);
    timer_.async_wait([self = shared_from_this()](Error error) {
      if (!error) {
        self->has_timed_out_ = true;
        self->resolver_.cancel();
        if (self->socket_ != nullptr) {
          Error ignored;
          self->socket_->close(ignored);
        }
      }
    });
    asio::co_spawn(
        context_, [self = shared_from_this()] { return self->run(); },
        [self = shared_from_this(), done = std::move(done)](const std::exception_ptr& failure,
                                                            FetchResult result) {
          self->timer_.cancel();
          done(failure ? base::fail("the request failed") : std::move(result));
        });
  }

 private:
  std::unexpected<base::Error> failure(std::string_view what, Error error) const {
    return base::fail(host_ + ": " + std::string(what) + ": " +
                      (has_timed_out_ ? "no answer in time" : error.message()));
  }

  asio::awaitable<FetchResult> run() {
    const auto target = api::parse_url(fetch_.url);
    if (!target || has_line_break(fetch_.method)) {
      co_return base::fail("not an http or https URL");
    }
    host_ = target->host;
    Error error;
    const auto endpoints =
        co_await resolver_.async_resolve(target->host, target->port, report_to(error));
    if (error) {
      co_return failure("cannot find the host", error);
    }
    tcp::socket socket(context_);
    socket_ = &socket;
    co_await asio::async_connect(socket, endpoints, report_to(error));
    socket_ = nullptr;
    if (error || has_timed_out_) {
      co_return failure("cannot connect", error);
    }
    AnyStream stream =
        make_client_stream(std::move(socket), target->is_secure ? &tls_ : nullptr, target->host);
    socket_ = &stream.socket();
    FetchResult result = co_await exchange(stream, *target);
    socket_ = nullptr;
    co_return result;
  }

  asio::awaitable<FetchResult> exchange(AnyStream& stream, const api::Url& target) {
    Error error;
    co_await stream.async_handshake(report_to(error));
    if (error) {
      co_return failure("cannot begin TLS", error);
    }
    const std::string request = render(fetch_, target);
    co_await asio::async_write(stream, asio::buffer(request), report_to(error));
    if (error) {
      co_return failure("cannot send", error);
    }
    boost::beast::flat_buffer buffer(kMaxBuffer);
    http::response_parser<http::string_body> parser;
    parser.header_limit(kMaxHeader);
    parser.body_limit(fetch_.max_body);
    co_await http::async_read(stream, buffer, parser, report_to(error));
    // Many servers end TLS without saying goodbye; the length tells whether the body is whole.
    if (error && !parser.is_done()) {
      co_return failure("cannot read the answer", error);
    }
    HttpFetched fetched;
    fetched.status = parser.get().result_int();
    for (const auto& field : parser.get()) {
      fetched.headers.emplace_back(field.name_string(), field.value());
    }
    fetched.body = std::move(parser.get().body());
    co_return fetched;
  }

  asio::io_context& context_;
  asio::ssl::context& tls_;
  const HttpFetch fetch_;
  std::string host_;
  asio::steady_timer timer_;
  tcp::resolver resolver_;
  /// What the timeout closes; null when there is none.
  tcp::socket* socket_ = nullptr;
  bool has_timed_out_ = false;
};

}  // namespace

std::string_view HttpFetched::header(std::string_view name) const {
  const auto found = std::ranges::find_if(headers, [&](const auto& header) {
    return std::ranges::equal(header.first, name,
                              [](char a, char b) { return std::tolower(a) == std::tolower(b); });
  });
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

struct HttpFetcher::State {
  explicit State(asio::io_context& from) : context(from), tls(asio::ssl::context::tls_client) {
    Error ignored;  // without authorities no certificate is trusted: it fails closed
    tls.set_default_verify_paths(ignored);
    tls.set_verify_mode(asio::ssl::verify_peer, ignored);
    SSL_CTX_set_min_proto_version(tls.native_handle(), TLS1_2_VERSION);
  }
  asio::io_context& context;
  asio::ssl::context tls;
  std::size_t exchanges = 0;
};

HttpFetcher::HttpFetcher(asio::io_context& context) : state_(std::make_shared<State>(context)) {}
HttpFetcher::~HttpFetcher() = default;

void HttpFetcher::fetch(HttpFetch fetch, Done done) {
  if (state_->exchanges >= kMaxExchanges) {
    asio::post(state_->context, [done = std::move(done)] {
      done(base::fail("too many requests to other servers at once"));
    });
    return;
  }
  ++state_->exchanges;
  std::make_shared<Exchange>(state_->context, state_->tls, std::move(fetch))
      ->start([state = state_, done = std::move(done)](FetchResult result) {
        --state->exchanges;
        done(std::move(result));
      });
}

base::Expected<HttpFetched, base::Error> fetch_and_wait(HttpFetch fetch) {
  asio::io_context context(1);
  HttpFetcher fetcher(context);
  FetchResult result = base::fail("no answer");
  fetcher.fetch(std::move(fetch), [&](FetchResult done) { result = std::move(done); });
  context.run();
  return result;
}

}  // namespace meridian::io
