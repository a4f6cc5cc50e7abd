#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "base/ids.hpp"
#include "forward/commands.hpp"
#include "io/channel.hpp"
#include "io/io_counters.hpp"
#include "io/tcp_listener.hpp"
#include "io/udp_socket.hpp"
#include "node/worker.hpp"
#include "sctp/messages.hpp"

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

  struct Config {
    node::WorkerConfig worker;
    /// By InboundDatagram::socket.
    std::vector<UdpSocket> sockets;
    /// For clients whose networks block UDP; TcpMedia::kFirstSocket + index is their number.
    std::vector<TcpListener> listeners = {};
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
  metrics::WorkerCounters& worker_counters_;
  transport::SendBatch output_;
  node::Worker worker_;
  std::vector<WorkerThread*> peers_;
  std::atomic<bool> is_stopping_{false};
  std::thread thread_;
};

}  // namespace meridian::io
