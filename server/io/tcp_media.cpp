#include "io/tcp_media.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <sys/socket.h>
#include <utility>

#include "io/clock.hpp"
#include "io/tcp_connection.hpp"

namespace meridian::io {
namespace asio = boost::asio;

namespace {

/// A stream begins with the length of a frame, which holds a whole check, or with the type of
/// TURN's first request.
bool begins_turn(Bytes two) {
  return load_u16(two.data()) == turn::kAllocate;
}

}  // namespace

TcpMedia::TcpMedia(asio::io_context& context, std::span<TcpListener> listeners, SendGate gate,
                   IoCounters& counters, TurnService turn)
    : context_(context),
      gate_(gate),
      counters_(counters),
      turn_service_(std::move(turn)),
      turn_(turn_service_.server) {
  for (TcpListener& listener : listeners) {
    listeners_.push_back(
        {.socket = &listener,
         .descriptor = asio::posix::stream_descriptor(context, listener.descriptor())});
  }
  if (turn_ != nullptr) {
    plain_ = std::make_unique_for_overwrite<std::uint8_t[]>(TlsSession::kMaxRecord);
  }
  if (!listeners_.empty() || turn_ != nullptr) {
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
    if (read(connection, worker, now)) {
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
      (void)admit(std::move(*accepted), static_cast<std::uint8_t>(kFirstSocket + index), now);
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
      return entry.second->is_stranger ? entry.second->begun : Instant::never();
    });
    if (oldest == connections_.end() || !oldest->second->is_stranger) {
      return false;
    }
    counters_.tcp_evicted.increment();
    end(*Reference(oldest->second), Manner::kReset);
  }
  return true;
}

TcpMedia::Reference TcpMedia::admit(TcpListener::Accepted accepted, std::uint8_t socket,
                                    Instant now) {
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
  return connection;
}

/// Whether more may wait.
bool TcpMedia::read(const Reference& connection, node::Worker& worker, const Now& now) {
  const ssize_t size =
      ::recv(connection->descriptor.native_handle(), buffer_.get(), kBytesPerTurn, MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
    return false;
  }
  if (size <= 0) {
    end(*connection, Manner::kClose);
    return false;
  }
  const auto count = static_cast<std::size_t>(size);
  connection->heard = now.monotonic;
  if (!count_stranger(*connection, count)) {
    return false;
  }
  if (connection->tls != nullptr) {
    connection->tls->feed({buffer_.get(), count});
    decrypt(connection, worker, now);
  } else {
    hand_over(connection, {buffer_.get(), count}, worker, now);
  }
  return connection->owner != nullptr && count == kBytesPerTurn;
}

bool TcpMedia::count_stranger(Connection& connection, std::size_t bytes) {
  if (connection.is_stranger) {
    connection.stranger_bytes += bytes;
    if (connection.stranger_bytes > kStrangerBytes) {
      malformed(connection);
      return false;
    }
  }
  return true;
}

void TcpMedia::decrypt(const Reference& connection, node::Worker& worker, const Now& now) {
  while (connection->owner != nullptr) {
    const TlsSession::Read read = connection->tls->read({plain_.get(), TlsSession::kMaxRecord});
    if (read.step == TlsSession::Step::kMore) {
      break;
    }
    if (read.step != TlsSession::Step::kDone) {
      end(*connection, Manner::kClose);
      return;
    }
    hand_over(connection, {plain_.get(), read.size}, worker, now);
  }
  if (connection->owner != nullptr && !connection->tls->output().empty()) {
    hold(connection);  // TLS itself has something to say
  }
}

void TcpMedia::hand_over(const Reference& connection, MutableBytes bytes, node::Worker& worker,
                         const Now& now) {
  if (connection->protocol == Connection::Protocol::kUnknown) {
    if (!choose_protocol(*connection, bytes)) {
      return;
    }
    if (auto first = std::exchange(connection->first, std::nullopt)) {
      hand_over(connection, {&*first, 1}, worker, now);
    }
  }
  if (connection->protocol == Connection::Protocol::kTurn) {
    hand_over_turn(connection, bytes, worker, now);
  } else {
    hand_over_frames(*connection, bytes, worker, now);
  }
}

bool TcpMedia::choose_protocol(Connection& connection, Bytes bytes) const {
  if (bytes.empty()) {
    return false;
  }
  if (!connection.first && bytes.size() == 1) {
    connection.first = bytes[0];
    return false;
  }
  const std::array<std::uint8_t, 2> two = {connection.first.value_or(bytes[0]),
                                           connection.first ? bytes[0] : bytes[1]};
  const bool is_turn = turn_ != nullptr && turn_service_.is_on_listeners && begins_turn(two);
  connection.protocol = is_turn ? Connection::Protocol::kTurn : Connection::Protocol::kFrames;
  return true;
}

void TcpMedia::hand_over_frames(Connection& connection, MutableBytes bytes, node::Worker& worker,
                                const Now& now) {
  const auto taken = connection.frames.take(bytes, [&](MutableBytes packet) {
    inbound_[inbound_count_++] = {.bytes = packet,
                                  .from = connection.tuple.remote,
                                  .socket = connection.tuple.socket,
                                  .received = now.monotonic};
    if (inbound_count_ == kBatch) {
      pass(worker, now);
    }
  });
  pass(worker, now);
  if (taken == FrameReader::Take::kTooLong) {
    malformed(connection);
  }
}

void TcpMedia::pass(node::Worker& worker, const Now& now) {
  if (const std::size_t count = std::exchange(inbound_count_, 0); count > 0) {
    worker.handle_datagrams({inbound_.get(), count}, now);
  }
}

void TcpMedia::prove(Connection& connection) {
  if (connection.is_stranger) {
    connection.is_stranger = false;
    --strangers_;
  }
}

void TcpMedia::malformed(Connection& connection) {
  counters_.tcp_malformed.increment();
  end(connection, Manner::kReset);
}

// ---- Out ----------------------------------------------------------------------------------------

void TcpMedia::send(const transport::OutboundDatagram& datagram, Instant now) {
  if (datagram.socket == kRelayedSocket) {
    send_relayed(datagram, now);
    return;
  }
  const auto found = connections_.find({.remote = datagram.to, .socket = datagram.socket});
  if (found == connections_.end()) {
    counters_.sends_refused.increment();
    return;
  }
  const Reference& connection = found->second;
  prove(*connection);
  connection->transport = datagram.transport;
  const auto header = frame_header(datagram.bytes.size());
  push(connection, {.transport = datagram.transport, .header = header, .datagram = datagram.bytes},
       now);
}

void TcpMedia::push(const Reference& connection, const TcpQueue::Framed& framed, Instant now) {
  counters_.tcp_dropped.add(connection->queue.expire(now));
  if (!connection->queue.push(framed, now)) {
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

bool TcpMedia::may_write(const Connection& connection) const {
  // Before there is a transport there are only TURN's own answers.
  return connection.transport == TransportId{} ||
         gate_.may_send(gate_.context, connection.transport, monotonic_now());
}

void TcpMedia::write(const Reference& connection, Instant now) {
  TcpQueue& queue = connection->queue;
  counters_.tcp_dropped.add(queue.expire(now));
  const auto written = [&](const TcpQueue::Written& packet) {
    if (packet.transport != TransportId{}) {
      gate_.handle_sent(gate_.context, packet.transport, packet.datagram);
    }
  };
  while (connection->owner != nullptr) {
    if (!may_write(*connection)) {
      // Waits until the policy is known; enforce() ends it when that says no.
      hold(connection);
      return;
    }
    if (connection->tls != nullptr && !flush_session(connection)) {
      return;
    }
    const Bytes next = queue.next(connection->tls != nullptr ? kBytesPerRecord : kBytesPerWrite);
    if (next.empty()) {
      return;
    }
    std::size_t sent = next.size();
    if (connection->tls == nullptr) {
      sent = send_some(connection, next);
    } else if (!connection->tls->write(next)) {
      end(*connection, Manner::kReset);
      return;
    }
    if (sent == 0) {
      return;
    }
    queue.consume(sent, written);
  }
}

bool TcpMedia::flush_session(const Reference& connection) {
  while (true) {
    const Bytes output = connection->tls->output();
    if (output.empty()) {
      return true;
    }
    const std::size_t sent = send_some(connection, output);
    if (sent == 0) {
      return false;
    }
    connection->tls->consume(sent);
  }
}

std::size_t TcpMedia::send_some(const Reference& connection, Bytes bytes) {
  const ssize_t sent = ::send(connection->descriptor.native_handle(), bytes.data(), bytes.size(),
                              MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent >= 0) {
    return static_cast<std::size_t>(sent);
  }
  if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS) {
    watch_writable(connection);
  } else {
    end(*connection, Manner::kReset);
  }
  return 0;
}

// ---- Ends ---------------------------------------------------------------------------------------

void TcpMedia::end(Connection& connection, Manner manner) {
  if (connection.owner == nullptr) {
    return;
  }
  const auto held = connections_.extract(connection.tuple);  // until this returns
  connection.owner = nullptr;
  strangers_ -= connection.is_stranger ? 1 : 0;
  if (turn_ != nullptr) {
    turn_->forget(connection.tuple);
  }
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
    if (connection->transport != TransportId{} && !worker.may_send(connection->transport, now)) {
      forbidden.push_back(connection);
    }
  }
  for (const Reference& connection : forbidden) {
    counters_.sends_forbidden.add(connection->queue.size());
    end(*connection, Manner::kReset);
  }
  end_allocations(now);
}

void TcpMedia::handle_timeout(node::Worker& worker, Instant now) {
  if (now < next_sweep_) {
    return;
  }
  std::vector<Reference> over;
  for (const auto& [tuple, connection] : connections_) {
    const bool is_late = connection->is_stranger ? now - connection->begun >= kStrangerTime
                                                 : now - connection->heard >= kIdleTime;
    // TURN clients may be silent between two refreshes.
    const bool may_be_silent = turn_ != nullptr && turn_->has_allocation(tuple);
    if (is_late && !may_be_silent) {
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
