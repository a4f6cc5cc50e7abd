#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/ids.hpp"
#include "forward/commands.hpp"
#include "io/channel.hpp"
#include "io/io_counters.hpp"
#include "io/tcp_listener.hpp"
#include "io/tcp_media.hpp"
#include "io/turn_door.hpp"
#include "io/udp_socket.hpp"
#include "node/worker.hpp"
#include "sctp/messages.hpp"
#include "turn/server.hpp"

namespace meridian::io {

/// Where a worker's events go.
using WorkerEvent = std::pair<WorkerIndex, forward::Event>;
using EventChannel = Channel<WorkerEvent>;
using SctpChannel = Channel<sctp::Command>;
using CommandChannel = Channel<forward::Command>;

/// One worker with its sockets, its thread and its event loop. Others talk to it through
/// commands() and wake() only.
class WorkerThread {
 public:
  /// Commands that may wait; a thread that lets so many pile up hangs.
  static constexpr std::size_t kMaxCommands = 1'000'000;
  /// When so many were read in one turn, timers and other workers get theirs before the next batch.
  static constexpr std::size_t kMaxDatagramsPerTurn = 256;
  /// TURN connections that may wait to be taken over from a listener.
  static constexpr std::size_t kMaxTurnConnections = 1024;

  /// TURN for the worker's clients, whichever way they come.
  struct Turn {
    turn::Secret secret;
    /// Where clients reach the worker's sockets: the only peers.
    std::vector<SocketAddress> peers;
    turn::Counters& counters;
    /// Also on the ports for media over TCP, and on the media port.
    bool has_streams = false;
    bool has_datagrams = false;
    /// Through which alone media may pass; empty = any.
    std::string device = {};
  };

  struct Config {
    node::WorkerConfig worker;
    /// By InboundDatagram::socket.
    std::vector<UdpSocket> sockets;
    /// For clients whose networks block UDP; TcpMedia::kFirstSocket + index is their number.
    std::vector<TcpListener> listeners = {};
    std::optional<Turn> turn = std::nullopt;
    /// Whether it measures how busy it is, and sheds load; see node::LoadMeter.
    bool sheds_load = true;
    /// Written by the thread, outlives it.
    IoCounters& counters;
    EventChannel& events;
    SctpChannel& sctp;
  };
  explicit WorkerThread(Config config);
  WorkerThread(const WorkerThread&) = delete;
  WorkerThread& operator=(const WorkerThread&) = delete;
  ~WorkerThread();

  /// `peers` by worker index, this one included; all outlive the thread.
  void start(std::vector<WorkerThread*> peers);
  /// Lets the loop end after what is queued, and waits for it.
  void stop();

  /// For any thread.
  CommandChannel& commands() { return commands_; }
  /// Connections of TURN clients whose participant this worker serves.
  TurnChannel& turn_connections() { return turn_connections_; }
  void wake() { wakeup_.notify(); }
  [[nodiscard]] WorkerIndex index() const { return index_; }
  [[nodiscard]] const std::vector<UdpSocket>& sockets() const { return sockets_; }

 private:
  class Loop;

  const WorkerIndex index_;
  std::vector<UdpSocket> sockets_;
  std::vector<TcpListener> listeners_;
  EventChannel& events_;
  SctpChannel& sctp_;
  IoCounters& counters_;
  Wakeup wakeup_;
  CommandChannel commands_;
  TurnChannel turn_connections_;
  metrics::WorkerCounters& worker_counters_;
  RandomSource& random_;
  transport::SendBatch output_;
  node::Worker worker_;
  std::optional<turn::Server> turn_;
  const TurnService turn_service_;
  const bool has_turn_datagrams_;
  const bool sheds_load_;
  std::vector<WorkerThread*> peers_;
  std::atomic<bool> is_stopping_{false};
  std::thread thread_;
};

}  // namespace meridian::io
