#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "io/any_stream.hpp"
#include "io/http_server.hpp"

namespace boost::asio::ssl {
class context;
}

namespace meridian::io {

/// One client connection of an HttpServer: its requests one after the other, and then perhaps a
/// WebSocket. Keeps itself alive while operations are under way.
class HttpConnection {
 public:
  /// What a connection tells the server that accepted it.
  class Host {
   public:
    virtual ~Host() = default;
    /// A whole request came: the connection is no longer pending.
    virtual void handle_first_request(HttpConnection& connection) = 0;
    /// Its request is answered later, by answer().
    virtual void handle_waiting(HttpConnection& connection,
                                signalling::PendingResponse request) = 0;
    /// It has something to write: flush() is to be called when the turn is over.
    virtual void handle_output(HttpConnection& connection) = 0;
    virtual void handle_upgraded(HttpConnection& connection, node::SignalSessionId session) = 0;
    /// The last call, after which the connection is gone.
    virtual void handle_finished(HttpConnection& connection, node::SignalSessionId session) = 0;

    HttpLimits limits;
    HttpCounters counters;
  };

  struct Config {
    AnyStream stream;
    SocketAddress remote;
    HttpServer::Listener listener;
    /// Outlives the connection.
    Host& host;
  };
  static std::shared_ptr<HttpConnection> make(Config config);

  virtual ~HttpConnection() = default;
  /// Begins to serve. `now` starts the first deadline.
  virtual void start(Instant now) = 0;
  /// The response for which handle_waiting() was called.
  virtual void answer(signalling::HttpResponse response) = 0;
  /// Queues one message for flush().
  virtual void send(std::vector<std::uint8_t> frame, node::FrameKind kind) = 0;
  /// Closes the WebSocket after what is queued, from flush() on.
  virtual void close() = 0;
  /// Begins to write what is queued.
  virtual void flush() = 0;
  /// Ends the connection at once.
  virtual void abort() = 0;
  /// When the server is to call abort(); never() for a WebSocket, which watches itself.
  [[nodiscard]] virtual Instant deadline() const = 0;
  [[nodiscard]] virtual const SocketAddress& remote() const = 0;
};

/// A plain or, with `tls`, an encrypted stream over an accepted socket.
[[nodiscard]] AnyStream make_stream(boost::asio::ip::tcp::socket socket, const TlsCertificate* tls);
/// The same over a connected socket, as the client; `tls` (null for plain) outlives the stream, and
/// the server must prove to be `host`.
[[nodiscard]] AnyStream make_client_stream(boost::asio::ip::tcp::socket socket,
                                           boost::asio::ssl::context* tls, const std::string& host);

}  // namespace meridian::io
