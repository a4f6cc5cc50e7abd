// Listeners on ports that the system chooses, driven by a client that sends raw bytes. Also covers
// http_connection.cpp and http_stream.cpp, which have no other door.
#include "io/http_server.hpp"

#include <atomic>
#include <deque>
#include <future>
#include <optional>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include "io/clock.hpp"
#include "support/turn_client.hpp"
#include "unit/io/certificate_files.hpp"
#include "unit/io/http_client.hpp"

namespace meridian::io {
namespace {

using node::FrameKind;
using node::SignalSessionId;

/// Answers with what it was asked; echoes WebSocket messages.
struct EchoHandler final : HttpHandler {
  HttpServer* server = nullptr;
  std::vector<SignalSessionId> closed;
  std::atomic<int> closed_count{0};
  std::uint64_t next_session = 1;
  std::atomic<std::uint64_t> pending{0};  // the newest of those that are answered later

  std::size_t max_body(std::string_view path) const override {
    return path == "/big" ? signalling::kMaxRequestBody : 64;
  }
  HttpResult handle_http(const signalling::HttpRequest& request) override {
    if (request.path() == "/later") {
      return signalling::PendingResponse(++pending);
    }
    return HttpReply{
        signalling::HttpResponse::text(
            200, request.method + " " + std::to_string(request.target.size()) + " " +
                     request.listener_region.value() + (request.is_tls ? " tls " : " plain ") +
                     std::to_string(request.body.size())),
        nullptr};
  }
  bool is_websocket_path(std::string_view path) const override { return path == "/rtc"; }
  base::Expected<SignalSessionId, signalling::HttpResponse> open_websocket(
      const signalling::HttpRequest& request) override {
    if (request.query("access_token") != "good") {
      return std::unexpected(signalling::HttpResponse::text(401, "no"));
    }
    const SignalSessionId session(next_session++);
    // Frames may come before the upgrade is accepted: they wait for it.
    boost::asio::post(*context,
                      [this, session] { server->send(session, {'h', 'i'}, FrameKind::kText); });
    return session;
  }
  void handle_frame(SignalSessionId session, Bytes message, FrameKind kind) override {
    if (as_text(message) == "close") {
      server->close(session);
      return;
    }
    if (as_text(message) == "say three") {
      for (const char word : {'a', 'b', 'c'}) {
        server->send(session, {static_cast<std::uint8_t>(word)}, FrameKind::kText);
      }
      return;
    }
    if (as_text(message) == "say large") {
      for (int i = 0; i < 3; ++i) {
        server->send(session, std::vector<std::uint8_t>(70'000), FrameKind::kBinary);
      }
      return;
    }
    if (as_text(message) == "flood") {
      for (int i = 0; i < 64; ++i) {
        server->send(session, std::vector<std::uint8_t>(1'000'000), FrameKind::kBinary);
      }
      return;
    }
    server->send(session, {message.begin(), message.end()}, kind);
  }
  void handle_closed(SignalSessionId session) override {
    closed.push_back(session);
    ++closed_count;
  }
  boost::asio::io_context* context = nullptr;
};

/// Keeps what is handed over; challenges as the real one.
struct KeepingDoor final : TurnDoor {
  turn::Look look(Bytes received, const SocketAddress& from, Instant now,
                  MutableBytes reply) override {
    return turn::look(secret, received, from, now, reply);
  }
  HandOver hand_over(WorkerIndex worker, const RegionId& region,
                     TurnConnection connection) override {
    if (worker != WorkerIndex(3) || region != RegionId("uk-london")) {
      return HandOver::kRefused;
    }
    taken.set_value(std::move(connection));
    return HandOver::kTaken;
  }
  SeededRandomSource random{1};
  turn::Secret secret{random};
  std::promise<TurnConnection> taken;
};

class HttpServerTest : public testing::Test {
 protected:
  ~HttpServerTest() override { stop(); }
  void stop() {
    context_.stop();
    if (thread_.joinable()) {
      thread_.join();
    }
  }
  /// Stops the server before what its thread uses goes: to be made after that.
  struct Stopped {
    explicit Stopped(HttpServerTest& test) : test_(test) {}
    Stopped(const Stopped&) = delete;
    Stopped& operator=(const Stopped&) = delete;
    ~Stopped() { test_.stop(); }
    HttpServerTest& test_;
  };
  void start(HttpLimits limits = {}, const TlsCertificate* tls = nullptr,
             TurnDoor* turn = nullptr) {
    server_.emplace(context_, limits);
    handler_.server = &*server_;
    handler_.context = &context_;
    const auto bound = server_->listen(
        {{IpAddress::v4({127, 0, 0, 1}), 0}, RegionId("uk-london"), &handler_, tls, turn});
    ASSERT_TRUE(bound) << bound.error().message;
    address_ = *bound;
    thread_ = std::thread([this] { run(); });
  }
  /// As the control thread does: what the handlers of a turn said leaves behind them.
  void run() {
    while (context_.run_one() > 0) {
      while (context_.poll_one() > 0) {
      }
      server_->flush();
    }
  }
  /// Runs `read` on the server's thread.
  template <class Read>
  auto on_server(Read read) {
    std::promise<decltype(read())> promise;
    boost::asio::post(context_, [&] { promise.set_value(read()); });
    return promise.get_future().get();
  }
  HttpCounters counters() {
    return on_server([this] { return server_->counters(); });
  }

  void wait_until_closed(int sessions) {
    while (handler_.closed_count < sessions) {
      std::this_thread::yield();
    }
  }

  HttpClient open_websocket(std::string_view token = "good") {
    HttpClient client(address_);
    client.send("GET /rtc?access_token=" + std::string(token) +
                " HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    return client;
  }
  /// A masked frame (RFC 6455 section 5.2) with a mask of zeros.
  static std::string frame(char opcode, std::string_view payload, bool is_final = true) {
    std::string bytes(1, static_cast<char>((is_final ? 0x80 : 0) | opcode));
    if (payload.size() < 126) {
      bytes += static_cast<char>(0x80 | static_cast<int>(payload.size()));
    } else {  // the two-byte form
      bytes += static_cast<char>(0xfe);
      bytes += static_cast<char>(payload.size() >> 8U);
      bytes += static_cast<char>(payload.size() & 0xffU);
    }
    return bytes + std::string(4, '\0') + std::string(payload);
  }

  boost::asio::io_context context_{1};
  EchoHandler handler_;
  std::optional<HttpServer> server_;
  SocketAddress address_;
  std::thread thread_;
};

TEST_F(HttpServerTest, answers_several_requests_on_one_connection) {
  start();
  HttpClient client(address_);
  client.send("GET /abc HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(client.receive_response().ends_with("\r\n\r\nGET 4 uk-london plain 0"));
  client.send("POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_TRUE(client.receive_response().ends_with("POST 2 uk-london plain 5"));
  client.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(client.receive_rest().ends_with("GET 1 uk-london plain 0"));
}

TEST_F(HttpServerTest, a_head_request_gets_the_length_without_the_body) {
  start();
  HttpClient client(address_);
  client.send("HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string response = client.receive_rest();
  EXPECT_NE(response.find("Content-Length: "), std::string::npos);
  EXPECT_TRUE(response.ends_with("\r\n\r\n"));
}

TEST_F(HttpServerTest, an_answer_may_come_later_and_the_connection_goes_on_after_it) {
  start();
  HttpClient client(address_);
  client.send("GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
  while (handler_.pending < 1) {
    std::this_thread::yield();
  }
  HttpClient other(address_);
  other.send("GET /abc HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(
      other.receive_response().ends_with("GET 4 uk-london plain 0"));  // nobody waits for it
  on_server([this] {
    server_->respond(signalling::PendingResponse(7), signalling::HttpResponse::text(200, "no one"));
    server_->respond(signalling::PendingResponse(1), signalling::HttpResponse::text(200, "done"));
    return 0;
  });
  EXPECT_TRUE(client.receive_response().ends_with("\r\n\r\ndone"));
  client.send("GET /abc HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(client.receive_response().ends_with("GET 4 uk-london plain 0"));
}

TEST_F(HttpServerTest, a_connection_whose_answer_never_comes_is_dropped) {
  start({.answer = 10ms});
  HttpClient client(address_);
  client.send("GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.receive_rest(), "");
  EXPECT_EQ(counters().timed_out, 1U);
  on_server([this] {  // nobody is there any more
    server_->respond(signalling::PendingResponse(1), signalling::HttpResponse::text(200, "late"));
    return 0;
  });
}

TEST_F(HttpServerTest, takes_a_target_of_100_kilobytes_and_refuses_endless_headers) {
  start();
  HttpClient client(address_);
  client.send("GET /" + std::string(100'000, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(client.receive_response().ends_with("GET 100001 uk-london plain 0"));
  client.send("GET / HTTP/1.1\r\nX: " + std::string(200'000, 'a') + "\r\n\r\n");
  EXPECT_TRUE(client.receive_rest().starts_with("HTTP/1.1 431 "));
}

TEST_F(HttpServerTest, refuses_bodies_over_the_limit_of_their_path) {
  start();
  HttpClient known(address_);
  known.send("POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 65\r\n\r\n" + std::string(65, 'x'));
  EXPECT_TRUE(known.receive_rest().starts_with("HTTP/1.1 413 "));
  HttpClient chunked(address_);
  chunked.send("POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n50\r\n" +
               std::string(80, 'x') + "\r\n0\r\n\r\n");
  EXPECT_TRUE(chunked.receive_rest().starts_with("HTTP/1.1 413 "));
  HttpClient giant(address_);
  giant.send("POST /big HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n");
  EXPECT_TRUE(giant.receive_rest().starts_with("HTTP/1.1 413 "));
  HttpClient fits(address_);
  fits.send("POST /big HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" +
            std::string(1'000'000, 'x'));
  EXPECT_TRUE(fits.receive_response().ends_with("plain 1000000"));
}

TEST_F(HttpServerTest, tells_a_client_that_waits_for_it_to_go_on) {
  start();
  HttpClient client(address_);
  client.send("POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.receive_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("hi");
  EXPECT_TRUE(client.receive_response().ends_with("plain 2"));
}

TEST_F(HttpServerTest, answers_garbage_with_400_and_closes) {
  start();
  for (const char* garbage :
       {"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
        "GET / HTTP/1.1\r\nbad header\r\n\r\n",
        "POST /p HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx"}) {
    HttpClient client(address_);
    client.send(garbage);
    EXPECT_TRUE(client.receive_rest().starts_with("HTTP/1.1 400 ")) << garbage;
  }
}

TEST_F(HttpServerTest, closes_who_does_not_finish_the_headers_in_time) {
  HttpLimits limits;
  limits.header = 100ms;
  start(limits);
  HttpClient silent(address_);
  HttpClient slow(address_);
  slow.send("GET / HTTP/1.1\r\nX");
  EXPECT_EQ(silent.receive_rest(), "");
  EXPECT_EQ(slow.receive_rest(), "");
  EXPECT_GE(counters().timed_out, 2U);
}

TEST_F(HttpServerTest, an_address_with_too_many_unfinished_requests_loses_its_oldest) {
  HttpLimits limits;
  limits.pending_per_address = 8;
  start(limits);
  std::deque<HttpClient> attackers;
  for (int i = 0; i < 40; ++i) {
    attackers.emplace_back(address_);
    attackers.back().send("GET / HT");
  }
  HttpClient honest(address_);
  honest.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(honest.receive_response().starts_with("HTTP/1.1 200 "));
  EXPECT_EQ(attackers.front().receive_rest(), "");
  EXPECT_LE(counters().connections, 9U);
  EXPECT_GE(counters().evicted, 32U);
}

TEST_F(HttpServerTest, turns_an_admitted_upgrade_into_a_websocket) {
  start();
  HttpClient client = open_websocket();
  const std::string response = client.receive_until("\r\n\r\n");
  EXPECT_TRUE(response.starts_with("HTTP/1.1 101 "));
  // RFC 6455 section 1.3.
  EXPECT_NE(response.find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), std::string::npos);
  EXPECT_EQ(response.find("permessage-deflate"), std::string::npos);
  EXPECT_EQ(client.receive(4), "\x81\x02hi") << "queued before the upgrade was accepted";
  client.send(frame(2, "ping"));
  EXPECT_EQ(client.receive(6), "\x82\x04ping");
  client.send(frame(1, "te", false) + frame(0, "xt"));
  EXPECT_EQ(client.receive(6), "\x81\x04text") << "fragments make one message";
  EXPECT_EQ(counters().websockets, 1U);
}

TEST_F(HttpServerTest, what_a_turn_says_leaves_in_one_write) {
  start();
  HttpClient client = open_websocket();
  client.receive_until("\r\n\r\n");
  client.receive(4);
  const HttpCounters before = counters();
  client.send(frame(1, "say three"));
  EXPECT_EQ(client.receive(9),
            "\x81\x01"
            "a\x81\x01"
            "b\x81\x01"
            "c");
  EXPECT_EQ(counters().websocket_frames - before.websocket_frames, 3U);
  EXPECT_EQ(counters().websocket_writes - before.websocket_writes, 1U);
}

TEST_F(HttpServerTest, what_is_large_is_not_gathered) {
  start();
  HttpClient client = open_websocket();
  client.receive_until("\r\n\r\n");
  client.receive(4);
  const HttpCounters before = counters();
  client.send(frame(1, "say large"));
  client.receive(3 * (10 + 70'000));
  EXPECT_EQ(counters().websocket_frames - before.websocket_frames, 3U);
  EXPECT_EQ(counters().websocket_writes - before.websocket_writes, 3U);
}

TEST_F(HttpServerTest, sends_the_refusal_of_an_upgrade_as_a_plain_response) {
  start();
  HttpClient client = open_websocket("bad");
  EXPECT_TRUE(client.receive_response().starts_with("HTTP/1.1 401 "));
  EXPECT_EQ(counters().websockets, 0U);
}

TEST_F(HttpServerTest, closes_with_code_1000_behind_what_is_queued) {
  start();
  HttpClient client = open_websocket();
  client.receive_until("\r\n\r\n");
  client.receive(4);
  client.send(frame(1, "last") + frame(1, "close"));
  EXPECT_EQ(client.receive(6), "\x81\x04last");
  EXPECT_EQ(client.receive(4), std::string("\x88\x02\x03\xe8", 4));
  client.send(frame(8, std::string("\x03\xe8", 2)));
  EXPECT_EQ(client.receive_rest(), "");
  wait_until_closed(1);
  EXPECT_EQ(on_server([this] { return handler_.closed; }),
            std::vector<SignalSessionId>{SignalSessionId(1)});
}

TEST_F(HttpServerTest, a_message_over_the_limit_ends_the_websocket) {
  HttpLimits limits;
  limits.websocket_message = 1000;
  start(limits);
  HttpClient client = open_websocket();
  client.receive_until("\r\n\r\n");
  client.receive(4);
  client.send(frame(2, std::string(1001, 'x')));
  EXPECT_EQ(client.receive(4), std::string("\x88\x02\x03\xf1", 4)) << "1009, too big";
}

TEST_F(HttpServerTest, a_client_that_does_not_read_is_dropped_when_its_queue_is_full) {
  start();
  HttpClient client = open_websocket();
  client.receive_until("\r\n\r\n");
  client.receive(4);
  client.send(frame(1, "flood"));
  client.receive_rest();  // until the server has closed
  wait_until_closed(1);
  EXPECT_EQ(counters().slow_readers, 1U);
  EXPECT_EQ(counters().websockets, 0U);
}

TEST_F(HttpServerTest, a_client_that_goes_away_closes_its_session_once) {
  start();
  {
    HttpClient client = open_websocket();
    client.receive_until("\r\n\r\n");
  }
  wait_until_closed(1);
  EXPECT_EQ(on_server([this] { return handler_.closed.size(); }), 1U);
}

TEST_F(HttpServerTest, serves_https_and_takes_a_new_certificate_for_new_connections) {
  TemporaryFolder folder;
  TlsFiles files = make_pair(folder, "first");
  auto certificate = TlsCertificate::load(files, wall_now());
  ASSERT_TRUE(certificate);
  const Stopped stopped(*this);
  start({}, &*certificate);
  HttpClient old_client(address_);
  EXPECT_EQ(old_client.start_tls(), "first");

  const TlsFiles next = make_pair(folder, "second");
  std::filesystem::rename(next.certificate_chain, files.certificate_chain);
  std::filesystem::rename(next.private_key, files.private_key);
  EXPECT_TRUE(on_server([&] { return certificate->reload(wall_now()).has_value(); }));
  HttpClient new_client(address_);
  EXPECT_EQ(new_client.start_tls(), "second");
  for (HttpClient* client : {&old_client, &new_client}) {
    client->send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(client->receive_response().ends_with("GET 1 uk-london tls 0"));
  }
}

TEST_F(HttpServerTest, an_unfinished_tls_handshake_ends_at_the_deadline) {
  TemporaryFolder folder;
  auto certificate = TlsCertificate::load(make_pair(folder, "name"), wall_now());
  ASSERT_TRUE(certificate);
  HttpLimits limits;
  limits.header = 100ms;
  const Stopped stopped(*this);
  start(limits, &*certificate);
  HttpClient client(address_);
  client.send("\x16\x03\x01");
  EXPECT_EQ(client.receive_rest(), "");
}

TEST_F(HttpServerTest, turn_shares_the_port_and_is_handed_over_with_its_tls) {
  const TemporaryFolder folder;
  const auto certificate = TlsCertificate::load(make_pair(folder, "one"), wall_now());
  ASSERT_TRUE(certificate);
  KeepingDoor door;
  const Stopped stopped(*this);
  start({}, &*certificate, &door);
  HttpClient browser(address_);
  EXPECT_EQ(browser.start_tls(), "one");
  browser.send("GET /abc HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(browser.receive_response().ends_with("GET 4 uk-london tls 0"));

  HttpClient socket(address_);
  EXPECT_EQ(socket.start_tls(), "one");
  const auto send = [&](Bytes bytes) { ASSERT_TRUE(socket.send(as_text(bytes))); };
  test::TurnClient client(turn::issue(
      door.secret, {wall_now() + turn::kCredentialTime, WorkerIndex(3), TransportId(7)}));
  send(client.allocate());
  std::string answer = socket.receive(20);
  answer += socket.receive(load_u16(as_bytes(answer).data() + 2));
  EXPECT_EQ(client.read(as_bytes(answer)).code, 401);
  const auto request = client.allocate();
  send(request);
  TurnConnection taken = door.taken.get_future().get();
  EXPECT_EQ(taken.received, request);
  EXPECT_EQ(counters().turn_handed_over, 1U);

  // The session goes on elsewhere.
  ASSERT_TRUE(taken.tls->write(as_bytes("from elsewhere")));
  const Bytes output = taken.tls->output();
  ASSERT_EQ(::send(taken.socket.get(), output.data(), output.size(), 0),
            static_cast<ssize_t>(output.size()));
  EXPECT_EQ(socket.receive(14), "from elsewhere");
  socket.send("and back");
  std::array<std::uint8_t, 4096> buffer{};
  TlsSession::Read read{TlsSession::Step::kMore, 0};
  while (read.step == TlsSession::Step::kMore) {
    const ssize_t size = ::recv(taken.socket.get(), buffer.data(), buffer.size(), 0);
    if (size > 0) {
      taken.tls->feed(Bytes(buffer).first(static_cast<std::size_t>(size)));
    }
    read = taken.tls->read(buffer);
  }
  EXPECT_EQ(as_text(Bytes(buffer).first(read.size)), "and back");
}

TEST_F(HttpServerTest, turn_that_no_worker_takes_is_closed) {
  KeepingDoor door;
  start({}, nullptr, &door);
  const auto close_after = [&](const std::vector<std::uint8_t>& bytes) {
    HttpClient socket(address_);
    socket.send(as_text(bytes));
    return socket.receive_rest().empty();
  };
  test::TurnClient client(turn::issue(
      door.secret, {wall_now() + turn::kCredentialTime, WorkerIndex(2), TransportId(7)}));
  EXPECT_TRUE(close_after(client.request(turn::kRefresh)));
  client.set_nonce("x");
  client.set_realm("x");
  EXPECT_TRUE(close_after(client.allocate())) << "its worker is another region's";
  EXPECT_EQ(counters().turn_refused, 2U);
}

TEST_F(HttpServerTest, a_listener_without_turn_takes_it_for_garbage) {
  start();
  HttpClient socket(address_);
  test::TurnClient client;
  socket.send(as_text(client.allocate()));
  EXPECT_TRUE(socket.receive_rest().starts_with("HTTP/1.1 400"));
}

TEST_F(HttpServerTest, a_taken_address_is_an_error_that_names_it) {
  start();
  const auto again = on_server([this] {
    // Listening sockets on one port are told apart by SO_REUSEADDR only after they closed.
    return server_->listen({address_, RegionId("x"), &handler_, nullptr}).has_value();
  });
  EXPECT_FALSE(again);
}

}  // namespace
}  // namespace meridian::io
