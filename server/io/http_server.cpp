#include "io/http_server.hpp"

#include <algorithm>
#include <list>
#include <map>
#include <unordered_map>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/steady_timer.hpp>

#include "io/clock.hpp"
#include "io/http_connection.hpp"
#include "io/udp_socket.hpp"

namespace meridian::io {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Error = boost::system::error_code;

/// How often deadlines are looked at; they are seconds long.
constexpr auto kSweepInterval = std::chrono::milliseconds(250);
/// Pause of a listener that the system has no descriptor or memory for.
constexpr auto kAcceptPause = std::chrono::milliseconds(100);
constexpr int kBacklog = 1024;

tcp::endpoint to_endpoint(const SocketAddress& address) {
  tcp::endpoint endpoint;
  sockaddr_storage storage{};
  const socklen_t size = to_sockaddr(address, storage);
  std::memcpy(endpoint.data(), &storage, size);
  endpoint.resize(size);
  return endpoint;
}

SocketAddress from_endpoint(const tcp::endpoint& endpoint) {
  sockaddr_storage storage{};
  std::memcpy(&storage, endpoint.data(), endpoint.size());
  return from_sockaddr(storage);
}

}  // namespace

struct HttpServer::State final : HttpConnection::Host, std::enable_shared_from_this<State> {
  explicit State(asio::io_context& io) : context(io), sweep_timer(io) {}

  struct Acceptor {
    Listener listener;
    tcp::acceptor acceptor;
    asio::steady_timer pause;
  };
  /// Connections without a whole request, oldest first, of all addresses.
  using Pending = std::list<HttpConnection*>;
  struct Entry {
    std::shared_ptr<HttpConnection> connection;
    std::optional<Pending::iterator> pending;
  };

  void accept(Acceptor& from) {
    from.acceptor.async_accept(
        [this, self = shared_from_this(), &from](Error error, tcp::socket socket) {
          if (error == asio::error::operation_aborted || !from.acceptor.is_open()) {
            return;
          }
          if (error == asio::error::no_descriptors || error == asio::error::no_buffer_space ||
              error == asio::error::no_memory || error == Error(ENFILE, error.category())) {
            from.pause.expires_after(kAcceptPause);
            from.pause.async_wait([this, self, &from](Error stopped) {
              if (!stopped) {
                accept(from);
              }
            });
            return;
          }
          if (!error) {
            admit(std::move(socket), from.listener);
          }
          accept(from);
        });
  }

  void admit(tcp::socket socket, const Listener& listener) {
    Error error;
    const tcp::endpoint endpoint = socket.remote_endpoint(error);
    if (error) {
      return;  // already gone
    }
    const SocketAddress remote = from_endpoint(endpoint);
    if (!make_room(remote.ip)) {
      ++counters.evicted;
      return;
    }
    socket.set_option(tcp::no_delay(true), error);
    auto connection = HttpConnection::make(
        {make_stream(std::move(socket), listener.tls), remote, listener, *this});
    HttpConnection* key = connection.get();
    pending.push_back(key);
    ++pending_per_address[remote.ip];
    connections[key] = {connection, std::prev(pending.end())};
    counters.connections = connections.size();
    connection->start(monotonic_now());
  }

  /// Evicts pending connections until one more from this address is within the limits; false when
  /// it can't be.
  bool make_room(const IpAddress& ip) {
    if (const auto it = pending_per_address.find(ip);
        it != pending_per_address.end() && it->second >= limits.pending_per_address) {
      const auto oldest = std::ranges::find_if(
          pending, [&ip](const HttpConnection* c) { return c->remote().ip == ip; });
      evict(**oldest);
    }
    if (connections.size() < limits.connections) {
      return true;
    }
    if (pending.empty()) {
      return false;
    }
    evict(*pending.front());
    return true;
  }

  void evict(HttpConnection& connection) {
    ++counters.evicted;
    no_longer_pending(connection);
    connection.abort();
  }

  void no_longer_pending(HttpConnection& connection) {
    Entry& entry = connections.at(&connection);
    if (!entry.pending) {
      return;
    }
    pending.erase(*entry.pending);
    entry.pending.reset();
    const auto it = pending_per_address.find(connection.remote().ip);
    if (--it->second == 0) {
      pending_per_address.erase(it);
    }
  }

  void handle_first_request(HttpConnection& connection) override { no_longer_pending(connection); }

  void handle_output(HttpConnection& connection) override {
    if (const auto found = connections.find(&connection); found != connections.end()) {
      unflushed.push_back(found->second.connection);
    }
  }

  void handle_upgraded(HttpConnection& connection, node::SignalSessionId session) override {
    sessions[session] = connections.at(&connection).connection;
    counters.websockets = sessions.size();
  }

  void handle_waiting(HttpConnection& connection, signalling::PendingResponse request) override {
    waiting[request] = connections.at(&connection).connection;
  }

  void handle_finished(HttpConnection& connection, node::SignalSessionId session) override {
    std::erase_if(waiting, [&](const auto& entry) { return entry.second.get() == &connection; });
    no_longer_pending(connection);
    sessions.erase(session);
    connections.erase(&connection);
    counters.connections = connections.size();
    counters.websockets = sessions.size();
  }

  void sweep() {
    sweep_timer.expires_after(kSweepInterval);
    sweep_timer.async_wait([this, weak = weak_from_this()](Error error) {
      const auto self = weak.lock();
      if (error || !self) {
        return;
      }
      const Instant now = monotonic_now();
      for (auto& [key, entry] : connections) {
        if (key->deadline() <= now) {
          ++counters.timed_out;
          key->abort();
        }
      }
      sweep();
    });
  }

  asio::io_context& context;
  asio::steady_timer sweep_timer;
  std::list<Acceptor> acceptors;
  std::unordered_map<HttpConnection*, Entry> connections;
  std::unordered_map<node::SignalSessionId, std::shared_ptr<HttpConnection>> sessions;
  /// Whose handler answers later; at most one entry for each connection.
  std::unordered_map<signalling::PendingResponse, std::shared_ptr<HttpConnection>> waiting;
  /// Who has something to write, each maybe more than once; at most one entry for each frame.
  std::vector<std::shared_ptr<HttpConnection>> unflushed;
  Pending pending;
  std::map<IpAddress, std::size_t> pending_per_address;
};

HttpServer::HttpServer(asio::io_context& context, HttpLimits limits)
    : state_(std::make_shared<State>(context)) {
  state_->limits = limits;
  state_->sweep();
}

HttpServer::~HttpServer() {
  stop_accepting();
}

base::Expected<SocketAddress, base::Error> HttpServer::listen(const Listener& listener) {
  const tcp::endpoint endpoint = to_endpoint(listener.bind);
  auto& entry = state_->acceptors.emplace_back(listener, tcp::acceptor(state_->context),
                                               asio::steady_timer(state_->context));
  Error error;
  entry.acceptor.open(endpoint.protocol(), error);
  if (!error) {
    entry.acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  }
  if (!error && !listener.bind.ip.is_v4()) {
    entry.acceptor.set_option(asio::ip::v6_only(true), error);
  }
  if (!error) {
    entry.acceptor.bind(endpoint, error);
  }
  if (!error) {
    entry.acceptor.listen(kBacklog, error);
  }
  if (error) {
    state_->acceptors.pop_back();
    return base::fail("cannot listen on TCP " + listener.bind.to_string() + ": " + error.message());
  }
  state_->accept(entry);
  return from_endpoint(entry.acceptor.local_endpoint());
}

void HttpServer::send(node::SignalSessionId session, std::vector<std::uint8_t> frame,
                      node::FrameKind kind) {
  if (const auto it = state_->sessions.find(session); it != state_->sessions.end()) {
    it->second->send(std::move(frame), kind);
  }
}

void HttpServer::close(node::SignalSessionId session) {
  if (const auto it = state_->sessions.find(session); it != state_->sessions.end()) {
    it->second->close();
  }
}

void HttpServer::flush() {
  for (const auto& connection : std::exchange(state_->unflushed, {})) {
    connection->flush();
  }
}

void HttpServer::respond(signalling::PendingResponse request, signalling::HttpResponse response) {
  if (auto entry = state_->waiting.extract(request)) {
    entry.mapped()->answer(std::move(response));
  }
}

void HttpServer::stop_accepting() {
  for (auto& entry : state_->acceptors) {
    Error ignored;
    entry.acceptor.close(ignored);
    entry.pause.cancel();
  }
}

HttpCounters HttpServer::counters() const {
  return state_->counters;
}

}  // namespace meridian::io
