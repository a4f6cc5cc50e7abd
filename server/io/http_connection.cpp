#include "io/http_connection.hpp"

#include <array>
#include <deque>
#include <optional>
#include <string>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "io/clock.hpp"

namespace meridian::io {

// What Beast's WebSocket needs to know of a stream, found by argument-dependent look-up.
void beast_close_socket(AnyStream& stream) {
  stream.close();
}
template <class Handler>
void async_teardown(boost::beast::role_type, AnyStream& stream, Handler&& handler) {
  stream.async_shutdown(std::forward<Handler>(handler));
}

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using Error = boost::system::error_code;
using Parser = http::request_parser<http::string_body>;
using Next = asio::awaitable<bool>;

/// After a response that ends the connection, this much of what still comes is read and dropped, so
/// that the client sees the response rather than a reset.
constexpr std::size_t kMaxDiscarded = 1024 * 1024;
constexpr Duration kLinger = 1s;
constexpr Duration kCloseTimeout = 2s;
constexpr std::size_t kFirstRead = 2048;
/// What a TURN client may bring before it belongs to a worker: a request or two.
constexpr std::size_t kMaxTurnStart = 4096;
/// A buffer that grew beyond this for one request is given back after it.
constexpr std::size_t kKeptBuffer = 8192;
/// The same of a WebSocket's buffer: what clients say all the time is shorter.
constexpr std::size_t kKeptFrame = 1024;
/// Frames of one turn leave in one write while together they, and each of them, have at most so
/// many bytes: more is written as it is, without a copy.
constexpr std::size_t kMaxTogether = 64 * 1024;

auto report_to(Error& error) {
  return asio::redirect_error(asio::use_awaitable, error);
}

HttpReply plain_reply(unsigned status, std::string body) {
  HttpReply reply;
  reply.response.status = status;
  reply.response.headers.push_back({"Content-Type", "text/plain; charset=utf-8"});
  reply.response.body = std::move(body);
  return reply;
}

/// The refusal of a request that could not be read; nothing when the peer is simply gone.
std::optional<HttpReply> refusal(Error error) {
  if (error == http::error::header_limit) {
    return plain_reply(431, "the request line and headers are too long\n");
  }
  if (error == http::error::body_limit) {
    return plain_reply(413, "the request body is too large\n");
  }
  if (error == http::error::end_of_stream || error == http::error::partial_message ||
      error.category() != http::make_error_code(http::error::bad_method).category()) {
    return std::nullopt;
  }
  return plain_reply(400, "malformed request\n");
}

signalling::HttpRequest to_request(http::request<http::string_body>& message) {
  signalling::HttpRequest request;
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  for (const auto& field : message) {
    request.headers.push_back({std::string(field.name_string()), std::string(field.value())});
  }
  request.body = std::move(message.body());
  return request;
}

class Connection final : public HttpConnection, public std::enable_shared_from_this<Connection> {
 public:
  explicit Connection(Config config)
      : stream_(std::move(config.stream)),
        remote_(config.remote),
        listener_(config.listener),
        host_(config.host),
        answer_timer_(stream_.get_executor()),
        buffer_(config.host.limits.header_bytes + kKeptBuffer) {}

  void start(Instant now) override {
    deadline_ = now + host_.limits.header;
    asio::co_spawn(
        stream_.get_executor(), [self = shared_from_this()] { return self->run(); },
        [self = shared_from_this()](const std::exception_ptr&) { self->finish(); });
  }

  void send(std::vector<std::uint8_t> frame, node::FrameKind kind) override {
    if (is_aborted_ || is_closing_) {
      return;
    }
    queued_bytes_ += frame.size();
    if (queued_bytes_ > host_.limits.websocket_queue_bytes) {
      ++host_.counters.slow_readers;
      abort();
      return;
    }
    queue_.push_back({std::move(frame), kind});
    host_.handle_output(*this);
  }
  void close() override {
    is_closing_ = true;
    host_.handle_output(*this);
  }
  void flush() override {
    if (is_accepted_ && !is_writing_ && !is_aborted_ && queue_.empty() && !is_closing_) {
      flush_held();
    } else {
      write_next();
    }
  }
  void abort() override {
    is_aborted_ = true;
    stream_.close();
    answer_timer_.cancel();
  }
  void answer(signalling::HttpResponse response) override {
    answer_ = std::move(response);
    answer_timer_.cancel();
  }
  Instant deadline() const override { return deadline_; }
  const SocketAddress& remote() const override { return remote_; }

 private:
  struct Frame {
    std::vector<std::uint8_t> bytes;
    node::FrameKind kind;
  };

  void set_deadline(Duration from_now) { deadline_ = monotonic_now() + from_now; }

  asio::awaitable<void> run() {
    if (listener_.tls != nullptr) {
      Error error;
      co_await stream_.async_handshake(report_to(error));
      if (error) {
        co_return;
      }
      set_deadline(host_.limits.header);
    }
    bool goes_on = true;
    while (goes_on && !is_aborted_) {
      goes_on = co_await serve_one();
      set_deadline(host_.limits.idle);
    }
    if (is_accepted_ && !is_aborted_) {
      co_await serve_websocket();
    }
  }

  /// One request and its response; false when the connection ends.
  Next serve_one() {
    Error error;
    if (buffer_.size() == 0) {
      if (buffer_.capacity() > kKeptBuffer) {
        buffer_.shrink_to_fit();
      }
      const auto into = buffer_.prepare(kFirstRead);
      const std::size_t size = co_await stream_.async_read_some(into, report_to(error));
      if (error) {
        co_return false;
      }
      buffer_.commit(size);
      if (!is_first_) {
        set_deadline(host_.limits.header);
      }
    }
    if (is_first_ && listener_.turn != nullptr && turn::is_stun_start(received()[0])) {
      co_await serve_turn();
      co_return false;
    }
    Parser parser;
    parser.header_limit(static_cast<std::uint32_t>(host_.limits.header_bytes));
    parser.body_limit(signalling::kMaxRequestBody);
    co_await http::async_read_header(stream_, buffer_, parser, report_to(error));
    if (!error) {
      error = co_await read_body(parser);
    }
    if (error) {
      const auto reply = refusal(error);
      if (reply) {
        co_await respond(*reply, KeepAlive::kNo, false);
      }
      co_return false;
    }
    ++host_.counters.requests;
    if (is_first_) {
      is_first_ = false;
      host_.handle_first_request(*this);
    }
    co_return co_await answer(parser.get());
  }

  [[nodiscard]] Bytes received() const {
    return {static_cast<const std::uint8_t*>(buffer_.cdata().data()), buffer_.size()};
  }

  /// Challenges a TURN client, and hands it over to the worker that its credentials name. It stays
  /// pending until then.
  asio::awaitable<void> serve_turn() {
    std::array<std::uint8_t, turn::kMaxChallenge> reply;
    Error error;
    while (!error && !is_aborted_ && buffer_.size() <= kMaxTurnStart) {
      const turn::Look look = listener_.turn->look(received(), remote_, monotonic_now(), reply);
      switch (look.step) {
        case turn::Look::Step::kMore: {
          const auto into = buffer_.prepare(kFirstRead);
          const std::size_t size = co_await stream_.async_read_some(into, report_to(error));
          buffer_.commit(size);
          break;
        }
        case turn::Look::Step::kReply: {
          buffer_.consume(look.taken);
          const auto from = asio::buffer(reply.data(), look.reply_size);
          co_await asio::async_write(stream_, from, report_to(error));
          break;
        }
        case turn::Look::Step::kHandOver:
          hand_over(look.worker);
          co_return;
        case turn::Look::Step::kRefuse:
          ++host_.counters.turn_refused;
          co_return;
      }
    }
  }

  void hand_over(WorkerIndex worker) {
    AnyStream::Released released = stream_.release();
    const Bytes rest = received();
    const auto taken = listener_.turn->hand_over(worker, listener_.region,
                                                 {.socket = std::move(released.socket),
                                                  .tls = std::move(released.tls),
                                                  .remote = remote_,
                                                  .received = {rest.begin(), rest.end()}});
    ++(taken == TurnDoor::HandOver::kTaken ? host_.counters.turn_handed_over
                                           : host_.counters.turn_refused);
  }

  asio::awaitable<Error> read_body(Parser& parser) {
    signalling::HttpRequest probe;
    probe.target = std::string(parser.get().target());
    const std::size_t limit = listener_.handler->max_body(probe.path());
    const auto length = parser.content_length();
    if (length && *length > limit) {
      co_return http::make_error_code(http::error::body_limit);
    }
    parser.body_limit(limit);
    set_deadline(host_.limits.body);
    Error error;
    if (parser.get()[http::field::expect] == "100-continue" && !parser.is_done()) {
      static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
      const auto interim = asio::buffer(kContinue);
      co_await asio::async_write(stream_, interim, report_to(error));
    }
    if (!error && !parser.is_done()) {
      co_await http::async_read(stream_, buffer_, parser, report_to(error));
    }
    co_return error;
  }

  Next answer(http::request<http::string_body>& message) {
    const bool is_head = message.method() == http::verb::head;
    const bool is_upgrade = websocket::is_upgrade(message);
    const auto keep_alive = message.keep_alive() ? KeepAlive::kYes : KeepAlive::kNo;
    signalling::HttpRequest request = to_request(message);
    request.remote = remote_;
    request.listener_region = listener_.region;
    request.is_tls = listener_.tls != nullptr;
    if (is_upgrade && listener_.handler->is_websocket_path(request.path())) {
      auto opened = listener_.handler->open_websocket(request);
      if (!opened) {
        const HttpReply reply{std::move(opened.error()), nullptr};
        co_return co_await respond(reply, keep_alive, false);
      }
      co_await accept_websocket(*opened, message);
      co_return false;
    }
    HttpResult result = listener_.handler->handle_http(request);
    if (const auto* later = std::get_if<signalling::PendingResponse>(&result)) {
      co_await wait_for_answer(*later);
      if (!answer_) {
        co_return false;
      }
      result = HttpReply{std::move(*std::exchange(answer_, std::nullopt)), nullptr};
    }
    co_return co_await respond(std::get<HttpReply>(result), keep_alive, is_head);
  }

  asio::awaitable<void> wait_for_answer(signalling::PendingResponse request) {
    host_.handle_waiting(*this, request);
    set_deadline(host_.limits.answer);
    answer_timer_.expires_at(asio::steady_timer::time_point::max());
    Error error;
    co_await answer_timer_.async_wait(report_to(error));
  }

  Next respond(const HttpReply& reply, KeepAlive keep_alive, bool is_head) {
    const std::string head = render_head(reply, keep_alive, wall_now());
    const std::string_view body = is_head ? std::string_view() : reply.body();
    const std::array<asio::const_buffer, 2> buffers = {asio::buffer(head), asio::buffer(body)};
    set_deadline(host_.limits.write);
    Error error;
    co_await asio::async_write(stream_, buffers, report_to(error));
    if (error) {
      co_return false;
    }
    if (keep_alive == KeepAlive::kNo) {
      co_await linger();
      co_return false;
    }
    co_return true;
  }

  asio::awaitable<void> linger() {
    set_deadline(kLinger);
    Error error;
    co_await stream_.async_shutdown(report_to(error));
    std::array<std::uint8_t, 4096> sink;
    const auto into = asio::buffer(sink);
    for (std::size_t discarded = 0; discarded < kMaxDiscarded;) {
      discarded += co_await stream_.socket().async_read_some(into, report_to(error));
      if (error) {
        co_return;
      }
    }
  }

  asio::awaitable<void> accept_websocket(node::SignalSessionId session,
                                         const http::request<http::string_body>& message) {
    session_ = session;
    host_.handle_upgraded(*this, session);
    socket_.emplace(stream_);
    websocket::stream_base::timeout timeouts{};
    timeouts.handshake_timeout = kCloseTimeout;
    timeouts.idle_timeout = host_.limits.websocket_idle;
    timeouts.keep_alive_pings = true;
    socket_->set_option(timeouts);
    socket_->read_message_max(host_.limits.websocket_message);
    socket_->auto_fragment(false);
    stream_.hold();  // what is said first leaves with the response
    Error error;
    co_await socket_->async_accept(message, report_to(error));
    is_accepted_ = !error;
  }

  /// With the request, a whole session description, gone: this lasts for as long as the meeting.
  asio::awaitable<void> serve_websocket() {
    deadline_ = Instant::never();
    buffer_.clear();
    buffer_.shrink_to_fit();
    host_.handle_output(*this);
    Error error;
    beast::flat_buffer inbound;  // read_message_max bounds it
    while (true) {
      co_await socket_->async_read(inbound, report_to(error));
      if (error || is_aborted_) {
        co_return;
      }
      const auto* data = static_cast<const std::uint8_t*>(inbound.cdata().data());
      const auto kind = socket_->got_text() ? node::FrameKind::kText : node::FrameKind::kBinary;
      listener_.handler->handle_frame(session_, {data, inbound.size()}, kind);
      inbound.clear();
      if (inbound.capacity() > kKeptFrame) {
        inbound.shrink_to_fit();
      }
    }
  }

  /// Writes the next frame of the queue, one at a time, and closes behind the last one when told
  /// to. Small ones wait for the last of them.
  void write_next() {
    if (!is_accepted_ || is_writing_ || is_aborted_) {
      return;
    }
    if (queue_.empty()) {
      if (is_closing_) {
        is_writing_ = true;
        set_deadline(kCloseTimeout);
        let_go();
        socket_->async_close(websocket::close_code::normal,
                             [self = shared_from_this()](Error) { self->abort(); });
      }
      return;
    }
    is_writing_ = true;
    const Frame& frame = queue_.front();
    const bool is_last = queue_.size() == 1 && !is_closing_;
    if (is_last || frame.bytes.size() + stream_.held() > kMaxTogether) {
      let_go();
    } else {
      stream_.hold();
    }
    ++host_.counters.websocket_frames;
    socket_->binary(frame.kind == node::FrameKind::kBinary);
    socket_->async_write(asio::buffer(frame.bytes),
                         [self = shared_from_this()](Error error, std::size_t) {
                           self->queued_bytes_ -= self->queue_.front().bytes.size();
                           self->queue_.pop_front();
                           self->handle_written(error);
                         });
  }

  /// What was said when nothing follows it: the response to the upgrade.
  void flush_held() {
    if (stream_.held() == 0) {
      return stream_.let_go();
    }
    is_writing_ = true;
    let_go();
    stream_.async_flush([self = shared_from_this()](Error error) { self->handle_written(error); });
  }

  void let_go() {
    stream_.let_go();
    ++host_.counters.websocket_writes;
  }

  void handle_written(Error error) {
    is_writing_ = false;
    if (error) {
      abort();
    } else {
      write_next();
    }
  }

  void finish() {
    abort();
    if (session_ != node::SignalSessionId{}) {
      listener_.handler->handle_closed(session_);
    }
    host_.handle_finished(*this, session_);
  }

  AnyStream stream_;
  const SocketAddress remote_;
  const HttpServer::Listener listener_;
  Host& host_;
  /// Cancelled when the answer has come, or never will.
  asio::steady_timer answer_timer_;
  std::optional<signalling::HttpResponse> answer_;
  beast::flat_buffer buffer_;
  Instant deadline_ = Instant::never();
  bool is_first_ = true;
  bool is_aborted_ = false;

  std::optional<websocket::stream<AnyStream&, false>> socket_;
  node::SignalSessionId session_{};
  bool is_accepted_ = false;
  bool is_writing_ = false;
  bool is_closing_ = false;
  std::deque<Frame> queue_;
  std::size_t queued_bytes_ = 0;
};

}  // namespace

std::shared_ptr<HttpConnection> HttpConnection::make(Config config) {
  return std::make_shared<Connection>(std::move(config));
}

}  // namespace meridian::io
