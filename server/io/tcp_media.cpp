#include "io/tcp_media.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/socket.h>

#include "io/clock.hpp"

namespace meridian::io {
namespace asio = boost::asio;

namespace {

/// Packets that are handed to the worker at once.
constexpr std::size_t kBatch = 64;

}  // namespace

struct TcpMedia::Connection {
  Connection(asio::io_context& context, FileDescriptor socket, ice::Tuple from, Instant now)
      : descriptor(context, socket.release()), tuple(from), begun(now), heard(now) {}

  asio::posix::stream_descriptor descriptor;
  const ice::Tuple tuple;
  const Instant begun;
  Instant heard;
  FrameReader reader;
  TcpQueue queue;
  /// Whose it is; nothing before the first authenticated check.
  TransportId transport{};
  std::size_t stranger_bytes = 0;
  TcpMedia* owner = nullptr;  // null when it is over
  bool is_watched_for_writing = false;
  bool is_pending = false;

  [[nodiscard]] bool is_stranger() const { return transport == TransportId{}; }
};

TcpMedia::TcpMedia(asio::io_context& context, std::span<TcpListener> listeners, SendGate gate,
                   IoCounters& counters)
    : context_(context), gate_(gate), counters_(counters) {
  for (TcpListener& listener : listeners) {
    listeners_.push_back(
        {.socket = &listener,
         .descriptor = asio::posix::stream_descriptor(context, listener.descriptor())});
  }
  if (!listeners_.empty()) {
    buffer_ = std::make_unique_for_overwrite<std::uint8_t[]>(kBytesPerTurn);
    inbound_ = std::make_unique<node::InboundDatagram[]>(kBatch);
  }
}

TcpMedia::~TcpMedia() {
  for (Listener& listener : listeners_) {
    listener.descriptor.release();  // it belongs to the listener
  }
  for (const auto& [tuple, connection] : connections_) {
    connection->owner = nullptr;
  }
}

void TcpMedia::start() {
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    watch_listener(i);
  }
}

void TcpMedia::watch_listener(std::size_t index) {
  listeners_[index].descriptor.async_wait(asio::posix::descriptor_base::wait_read,
                                          [this, index](boost::system::error_code error) {
                                            if (!error) {
                                              listeners_[index].is_readable = true;
                                            }
                                          });
}

void TcpMedia::watch_readable(const Reference& connection) {
  connection->descriptor.async_wait(asio::posix::descriptor_base::wait_read,
                                    [connection](boost::system::error_code error) {
                                      if (!error && connection->owner != nullptr) {
                                        connection->owner->readable_.push_back(connection);
                                      }
                                    });
}

void TcpMedia::watch_writable(const Reference& connection) {
  if (connection->is_watched_for_writing) {
    return;
  }
  connection->is_watched_for_writing = true;
  connection->descriptor.async_wait(asio::posix::descriptor_base::wait_write,
                                    [connection](boost::system::error_code error) {
                                      connection->is_watched_for_writing = false;
                                      if (!error && connection->owner != nullptr) {
                                        connection->owner->hold(connection);
                                      }
                                    });
}

// ---- In -----------------------------------------------------------------------------------------

bool TcpMedia::receive(node::Worker& worker, const Now& now) {
  bool has_more = false;
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    has_more |= listeners_[i].is_readable && accept(i, now.monotonic);
  }
  std::swap(readable_, reading_);
  for (const Reference& connection : reading_) {
    if (connection->owner == nullptr) {
      continue;
    }
    if (read(*connection, worker, now)) {
      readable_.push_back(connection);
      has_more = true;
    } else if (connection->owner != nullptr) {
      watch_readable(connection);
    }
  }
  reading_.clear();
  return has_more;
}

bool TcpMedia::accept(std::size_t index, Instant now) {
  for (std::size_t i = 0; i < kAcceptsPerTurn; ++i) {
    auto accepted = listeners_[index].socket->accept();
    if (!accepted) {
      listeners_[index].is_readable = false;
      watch_listener(index);
      return false;
    }
    if (has_room(accepted->remote.ip)) {
      admit(std::move(*accepted), static_cast<std::uint8_t>(kFirstSocket + index), now);
    } else {
      counters_.tcp_refused.increment();
    }
  }
  return true;
}

bool TcpMedia::has_room(const IpAddress& from) {
  const auto found = by_address_.find(from);
  if (found != by_address_.end() && found->second >= kMaxPerAddress) {
    return false;
  }
  if (strangers_ >= kMaxStrangers || connections_.size() >= kMaxConnections) {
    // Whoever has waited longest without proving anything makes room.
    const auto oldest = std::ranges::min_element(connections_, {}, [](const auto& entry) {
      return entry.second->is_stranger() ? entry.second->begun : Instant::never();
    });
    if (oldest == connections_.end() || !oldest->second->is_stranger()) {
      return false;
    }
    counters_.tcp_evicted.increment();
    end(*Reference(oldest->second), Manner::kReset);
  }
  return true;
}

void TcpMedia::admit(TcpListener::Accepted accepted, std::uint8_t socket, Instant now) {
  const ice::Tuple tuple{.remote = accepted.remote, .socket = socket};
  if (const auto previous = connections_.find(tuple); previous != connections_.end()) {
    end(*Reference(previous->second), Manner::kReset);  // its end was not seen yet
  }
  auto connection =
      std::make_shared<Connection>(context_, std::move(accepted.descriptor), tuple, now);
  connection->owner = this;
  connections_.emplace(tuple, connection);
  ++by_address_[tuple.remote.ip];
  ++strangers_;
  counters_.tcp_accepted.increment();
  counters_.tcp_connections.increment();
  if (next_sweep_.is_never()) {
    next_sweep_ = now + kSweepInterval;
  }
  watch_readable(connection);
}

/// Whether more may wait.
bool TcpMedia::read(Connection& connection, node::Worker& worker, const Now& now) {
  const ssize_t size =
      ::recv(connection.descriptor.native_handle(), buffer_.get(), kBytesPerTurn, 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
    return false;
  }
  if (size <= 0) {
    end(connection, Manner::kClose);
    return false;
  }
  const auto count = static_cast<std::size_t>(size);
  connection.heard = now.monotonic;
  if (connection.is_stranger()) {
    connection.stranger_bytes += count;
    if (connection.stranger_bytes > kStrangerBytes) {
      counters_.tcp_malformed.increment();
      end(connection, Manner::kReset);
      return false;
    }
  }
  hand_over(connection, {buffer_.get(), count}, worker, now);
  return connection.owner != nullptr && count == kBytesPerTurn;
}

void TcpMedia::hand_over(Connection& connection, MutableBytes bytes, node::Worker& worker,
                         const Now& now) {
  std::size_t count = 0;
  const auto pass = [&] {
    worker.handle_datagrams({inbound_.get(), count}, now);
    count = 0;
  };
  const auto taken = connection.reader.take(bytes, [&](MutableBytes packet) {
    inbound_[count++] = {.bytes = packet,
                         .from = connection.tuple.remote,
                         .socket = connection.tuple.socket,
                         .received = now.monotonic};
    if (count == kBatch) {
      pass();
    }
  });
  if (count > 0) {
    pass();
  }
  if (taken == FrameReader::Take::kTooLong) {
    counters_.tcp_malformed.increment();
    end(connection, Manner::kReset);
  }
}

// ---- Out ----------------------------------------------------------------------------------------

void TcpMedia::send(const transport::OutboundDatagram& datagram, Instant now) {
  const auto found = connections_.find({.remote = datagram.to, .socket = datagram.socket});
  if (found == connections_.end()) {
    counters_.sends_refused.increment();
    return;
  }
  const Reference& connection = found->second;
  if (connection->is_stranger()) {
    --strangers_;
  }
  connection->transport = datagram.transport;
  counters_.tcp_dropped.add(connection->queue.expire(now));
  if (!connection->queue.push(datagram, now)) {
    counters_.tcp_dropped.increment();
    return;
  }
  if (!connection->is_watched_for_writing) {
    hold(connection);
  }
}

/// Has something to write in the next flush().
void TcpMedia::hold(const Reference& connection) {
  if (!connection->is_pending) {
    connection->is_pending = true;
    pending_.push_back(connection);
  }
}

void TcpMedia::flush(Instant now) {
  std::swap(pending_, writing_);
  for (const Reference& connection : writing_) {
    connection->is_pending = false;
    if (connection->owner != nullptr) {
      write(connection, now);
    }
  }
  writing_.clear();
}

void TcpMedia::write(const Reference& connection, Instant now) {
  TcpQueue& queue = connection->queue;
  counters_.tcp_dropped.add(queue.expire(now));
  while (!queue.empty()) {
    if (!gate_.may_send(gate_.context, connection->transport, monotonic_now())) {
      // Waits until the policy is known; enforce() ends it when that says no.
      hold(connection);
      return;
    }
    const Bytes next = queue.next(kBytesPerWrite);
    if (next.empty()) {
      return;
    }
    const ssize_t sent = ::send(connection->descriptor.native_handle(), next.data(), next.size(),
                                MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS) {
        watch_writable(connection);
      } else {
        end(*connection, Manner::kReset);
      }
      return;
    }
    queue.consume(static_cast<std::size_t>(sent), [&](const TcpQueue::Written& written) {
      gate_.handle_sent(gate_.context, written.transport, written.datagram);
    });
  }
}

// ---- Ends ---------------------------------------------------------------------------------------

void TcpMedia::end(Connection& connection, Manner manner) {
  if (connection.owner == nullptr) {
    return;
  }
  const auto held = connections_.extract(connection.tuple);  // until this returns
  connection.owner = nullptr;
  strangers_ -= connection.is_stranger() ? 1 : 0;
  const auto count = by_address_.find(connection.tuple.remote.ip);
  if (--count->second == 0) {
    by_address_.erase(count);
  }
  counters_.tcp_connections.decrement();
  if (manner == Manner::kReset) {
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(connection.descriptor.native_handle(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }
  boost::system::error_code ignored;
  connection.descriptor.close(ignored);
}

void TcpMedia::enforce(node::Worker& worker, Instant now) {
  if (!worker.is_policy_current()) {
    return;  // then nothing is sent, and the policy comes within a turn or two
  }
  std::vector<Reference> forbidden;
  for (const auto& [tuple, connection] : connections_) {
    if (!connection->is_stranger() && !worker.may_send(connection->transport, now)) {
      forbidden.push_back(connection);
    }
  }
  for (const Reference& connection : forbidden) {
    counters_.sends_forbidden.add(connection->queue.size());
    end(*connection, Manner::kReset);
  }
}

void TcpMedia::handle_timeout(node::Worker& worker, Instant now) {
  if (now < next_sweep_) {
    return;
  }
  std::vector<Reference> over;
  for (const auto& [tuple, connection] : connections_) {
    const bool is_late = connection->is_stranger() ? now - connection->begun >= kStrangerTime
                                                   : now - connection->heard >= kIdleTime;
    if (is_late) {
      over.push_back(connection);
    }
  }
  for (const Reference& connection : over) {
    counters_.tcp_timeouts.increment();
    end(*connection, Manner::kReset);
  }
  enforce(worker, now);
  next_sweep_ = connections_.empty() ? Instant::never() : now + kSweepInterval;
}

}  // namespace meridian::io
