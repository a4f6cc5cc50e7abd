// Requests to our own server, on ports that the system chooses.
#include "io/http_fetcher.hpp"

#include <cstdlib>
#include <optional>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "io/clock.hpp"
#include "io/http_server.hpp"
#include "unit/io/certificate_files.hpp"

namespace meridian::io {
namespace {

struct EchoHandler final : HttpHandler {
  std::size_t max_body(std::string_view) const override { return 1024; }
  HttpResult handle_http(const signalling::HttpRequest& request) override {
    HttpReply reply;
    reply.response = signalling::HttpResponse::text(
        request.path() == "/teapot" ? 418 : 200, request.method + " " + request.target + " " +
                                                     std::string(request.header("X-Test")) + " " +
                                                     request.body);
    if (request.path() == "/long") {
      reply.response.body.assign(100'000, 'x');
    }
    return reply;
  }
  bool is_websocket_path(std::string_view) const override { return false; }
  base::Expected<node::SignalSessionId, signalling::HttpResponse> open_websocket(
      const signalling::HttpRequest&) override {
    return std::unexpected(signalling::HttpResponse::text(404, "no"));
  }
  void handle_frame(node::SignalSessionId, Bytes, node::FrameKind) override {}
  void handle_closed(node::SignalSessionId) override {}
};

class HttpFetcherTest : public testing::Test {
 protected:
  using Result = base::Expected<HttpFetched, base::Error>;

  void start(const TlsCertificate* tls = nullptr) {
    const auto bound =
        server_.listen({{IpAddress::v4({127, 0, 0, 1}), 0}, RegionId("uk-london"), &handler_, tls});
    ASSERT_TRUE(bound) << bound.error().message;
    port_ = std::to_string(bound->port);
  }
  Result fetch(HttpFetch fetch) {
    HttpFetcher fetcher(context_);
    std::optional<Result> result;
    fetcher.fetch(std::move(fetch), [&](Result done) { result = std::move(done); });
    EXPECT_FALSE(result) << "never from within the call";
    while (!result) {
      context_.run_one();
    }
    return std::move(*result);
  }

  boost::asio::io_context context_{1};
  EchoHandler handler_;
  HttpServer server_{context_, {}};
  std::string port_;
};

TEST_F(HttpFetcherTest, sends_a_request_and_reads_the_answer) {
  start();
  const auto got = fetch({.url = "http://127.0.0.1:" + port_ + "/a?b=c"});
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->status, 200U);
  EXPECT_EQ(got->body, "GET /a?b=c  ");
  EXPECT_EQ(got->header("content-type"), "text/plain; charset=utf-8");
  EXPECT_EQ(got->header("none"), "");

  const auto posted = fetch({.method = "POST",
                             .url = "http://localhost:" + port_ + "/teapot",
                             .headers = {{"X-Test", "yes"}, {"X-Test", "no\r\nX-Bad: 1"}},
                             .body = "hello"});
  ASSERT_TRUE(posted) << posted.error().message;
  EXPECT_EQ(posted->status, 418U);
  EXPECT_EQ(posted->body, "POST /teapot yes hello");
}

TEST_F(HttpFetcherTest, refuses_what_is_too_long_and_what_is_no_url) {
  start();
  const auto got = fetch({.url = "http://127.0.0.1:" + port_ + "/long", .max_body = 1000});
  ASSERT_FALSE(got);
  EXPECT_TRUE(got.error().message.starts_with("127.0.0.1: cannot read the answer"));
  EXPECT_EQ(fetch({.url = "ftp://127.0.0.1/"}).error().message, "not an http or https URL");
}

TEST_F(HttpFetcherTest, says_when_nobody_listens_or_answers) {
  start();
  HttpServer unused(context_, {});
  EXPECT_TRUE(fetch({.url = "http://127.0.0.1:1/"})
                  .error()
                  .message.starts_with("127.0.0.1: cannot connect"));
  // A listener that accepts and never speaks HTTP: the server's own, which waits for a request.
  const auto got = fetch({.url = "https://127.0.0.1:" + port_ + "/", .timeout = 50ms});
  ASSERT_FALSE(got);
}

TEST_F(HttpFetcherTest, believes_a_server_only_with_a_trusted_certificate_of_its_name) {
  const TemporaryFolder folder;
  const TlsFiles files = make_pair(folder, "localhost");
  const auto certificate = TlsCertificate::load(files, wall_now());
  ASSERT_TRUE(certificate) << certificate.error().message;
  start(&*certificate);
  const std::string url = "https://localhost:" + port_ + "/x";
  const auto untrusted = fetch({.url = url});
  ASSERT_FALSE(untrusted);
  EXPECT_TRUE(untrusted.error().message.starts_with("localhost: cannot begin TLS"));

  ASSERT_EQ(::setenv("SSL_CERT_FILE", files.certificate_chain.c_str(), 1), 0);
  const auto trusted = fetch({.url = url});
  const auto other_name = fetch({.url = "https://127.0.0.1:" + port_ + "/x"});
  ::unsetenv("SSL_CERT_FILE");
  ASSERT_TRUE(trusted) << trusted.error().message;
  EXPECT_EQ(trusted->body, "GET /x  ");
  EXPECT_FALSE(other_name);
}

TEST_F(HttpFetcherTest, has_a_bound_on_exchanges_under_way) {
  start();
  HttpFetcher fetcher(context_);
  std::size_t done = 0;
  std::size_t failed = 0;
  for (std::size_t i = 0; i <= HttpFetcher::kMaxExchanges; ++i) {
    fetcher.fetch({.url = "http://127.0.0.1:" + port_ + "/"}, [&](const Result& result) {
      ++done;
      failed += result ? 0 : 1;
    });
  }
  while (done <= HttpFetcher::kMaxExchanges) {
    context_.run_one();
  }
  EXPECT_EQ(failed, 1U);
}

}  // namespace
}  // namespace meridian::io
