#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/expected.hpp"
#include "base/time.hpp"
#include "io/http_message.hpp"
#include "io/tls_certificate.hpp"
#include "io/turn_door.hpp"
#include "node/control_types.hpp"

namespace boost::asio {
class io_context;
}

namespace meridian::io {

/// What answers the requests of a listener. Called on the server's thread.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;

  /// Largest body that a request to this path may have, in bytes.
  [[nodiscard]] virtual std::size_t max_body(std::string_view path) const = 0;
  virtual HttpResult handle_http(const signalling::HttpRequest& request) = 0;

  [[nodiscard]] virtual bool is_websocket_path(std::string_view path) const = 0;
  /// Decides on an upgrade before it is accepted. Frames may be sent to the session from now on.
  virtual base::Expected<node::SignalSessionId, signalling::HttpResponse> open_websocket(
      const signalling::HttpRequest& request) = 0;
  virtual void handle_frame(node::SignalSessionId session, Bytes message, node::FrameKind kind) = 0;
  /// Once for each session that was opened.
  virtual void handle_closed(node::SignalSessionId session) = 0;
};

/// Bounds on what clients can make the listeners hold, and for how long.
struct HttpLimits {
  /// From the first byte of a request to the end of its headers; also for the TLS handshake.
  Duration header = 5s;
  /// From the end of the headers to the end of the body.
  Duration body = 30s;
  /// Between requests of one connection.
  Duration idle = 30s;
  /// To take a response or a last frame.
  Duration write = 10s;
  /// For a handler to answer that said it would later; then the connection is dropped.
  Duration answer = 180s;
  /// A WebSocket from which nothing came for this long is dead; it is pinged at half of it.
  Duration websocket_idle = 20s;
  /// Request line and headers: a join request with its SDP travels in the target.
  std::size_t header_bytes = signalling::kMaxRequestTarget + 32 * 1024;
  std::size_t websocket_message = 2 * 1024 * 1024;
  /// Frames that wait for a client that does not read; beyond it the connection is dropped.
  std::size_t websocket_queue_bytes = 4 * 1024 * 1024;
  /// Connections of one address that have not yet made a whole request; the oldest gives way. A
  /// hospital behind one address may join at the full hour, so it is not tighter.
  std::size_t pending_per_address = 256;
  /// All connections; the oldest one without a whole request gives way, else the new one.
  std::size_t connections = 20'000;
};

/// Counts since the start, but for the gauges.
struct HttpCounters {
  std::size_t connections = 0;  // gauge
  std::size_t websockets = 0;   // gauge
  std::uint64_t requests = 0;
  std::uint64_t evicted = 0;
  std::uint64_t timed_out = 0;
  std::uint64_t slow_readers = 0;
  /// Messages to clients, and the writes that they left in.
  std::uint64_t websocket_frames = 0;
  std::uint64_t websocket_writes = 0;
  /// Connections that began with TURN: handed to a worker, and those that no worker takes.
  std::uint64_t turn_handed_over = 0;
  std::uint64_t turn_refused = 0;
};

/// HTTP/1.1 and WebSocket listeners on one Asio context, whose one thread calls everything here.
/// WebSockets: no compression, pings by the server, one bounded queue for each connection.
class HttpServer {
 public:
  HttpServer(boost::asio::io_context& context, HttpLimits limits);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  struct Listener {
    SocketAddress bind;
    /// Given to the handler with each request.
    RegionId region;
    HttpHandler* handler = nullptr;
    /// Null for plain HTTP; asked again for each connection.
    const TlsCertificate* tls = nullptr;
    /// Takes connections that begin with TURN; null = they are malformed HTTP.
    TurnDoor* turn = nullptr;
  };
  /// Begins to listen and returns the bound address (for port 0). Everything pointed to outlives
  /// this object. Errors: a sentence with the address.
  base::Expected<SocketAddress, base::Error> listen(const Listener& listener);

  /// Queues one message for flush(). Ids of connections that are gone are ignored.
  void send(node::SignalSessionId session, std::vector<std::uint8_t> frame, node::FrameKind kind);
  /// Closes the WebSocket with code 1000 after what is queued, from flush() on.
  void close(node::SignalSessionId session);
  /// To be called when a turn of the loop is over: what it queued for a WebSocket leaves in one
  /// write, the response to the upgrade with it.
  void flush();

  /// The response to a request for which the handler gave a PendingResponse. Ignored when whoever
  /// asked is gone.
  void respond(signalling::PendingResponse request, signalling::HttpResponse response);

  /// No new connections; those that are there go on.
  void stop_accepting();
  [[nodiscard]] HttpCounters counters() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace meridian::io
