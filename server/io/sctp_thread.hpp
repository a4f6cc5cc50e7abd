#pragma once

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include "io/channel.hpp"
#include "io/worker_thread.hpp"
#include "sctp/messages.hpp"

namespace meridian::io {

using SctpEventChannel = Channel<sctp::Event>;

/// The thread of the process's one SCTP service.
class SctpThread {
 public:
  static constexpr std::size_t kMaxCommands = 1'000'000;

  SctpThread() : commands_(kMaxCommands, wakeup_) {}
  SctpThread(const SctpThread&) = delete;
  SctpThread& operator=(const SctpThread&) = delete;
  ~SctpThread() { stop(); }

  /// For any thread.
  SctpChannel& commands() { return commands_; }
  /// Packets go to `workers` (by index), everything else to `events`; all outlive the thread.
  void start(std::vector<WorkerThread*> workers, SctpEventChannel& events);
  void stop();

 private:
  void run(SctpEventChannel& events);

  Wakeup wakeup_;
  SctpChannel commands_;
  std::vector<WorkerThread*> workers_;
  std::atomic<bool> is_stopping_{false};
  std::thread thread_;
};

}  // namespace meridian::io
