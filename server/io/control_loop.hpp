#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "io/audit_writer.hpp"
#include "io/evidence_store.hpp"
#include "io/http_server.hpp"
#include "io/metrics_text.hpp"
#include "io/sctp_thread.hpp"
#include "io/static_files.hpp"
#include "io/webhook_store.hpp"
#include "io/worker_thread.hpp"
#include "node/control.hpp"

namespace meridian::io {

/// The control thread: Control with its listeners, its timers, the audit log and the mailboxes from
/// workers and SCTP. Runs on the thread that calls run().
class ControlLoop {
 public:
  /// Events that may wait; a control thread that lets so many pile up hangs.
  static constexpr std::size_t kMaxEvents = 1'000'000;
  /// From the first signal to the end of the process, at most.
  static constexpr Duration kShutdownGrace = std::chrono::milliseconds(2500);

  /// Everything pointed to outlives the loop.
  struct Config {
    node::ControlConfig control;
    AuditWriter& audit;
    EvidenceStore& store;
    WebhookStore& webhooks;
    StaticFiles files;
    /// Null without TLS.
    TlsCertificate* tls = nullptr;
    std::vector<WorkerMetrics> metrics;
    /// The workers' TURN servers know this; nothing without TURN.
    std::optional<turn::Secret> turn = std::nullopt;
    /// Read again on SIGHUP; empty = never.
    std::string config_file = {};
  };
  explicit ControlLoop(Config config);
  ~ControlLoop();
  ControlLoop(const ControlLoop&) = delete;
  ControlLoop& operator=(const ControlLoop&) = delete;

  /// Opens every listener of the configuration. Errors: a sentence with the address.
  base::Expected<void, base::Error> listen();
  /// Where the signalling listeners ended up, in the order of the configuration.
  [[nodiscard]] const std::vector<SocketAddress>& signalling_addresses() const;

  /// For workers and the SCTP thread.
  [[nodiscard]] EventChannel& events();
  [[nodiscard]] SctpEventChannel& sctp_events();

  /// Serves until SIGINT or SIGTERM, or request_stop(), and then until everyone has been told or
  /// kShutdownGrace is over. SIGHUP reads the TLS certificate and the accounts again.
  void run(std::vector<WorkerThread*> workers, SctpChannel& sctp);
  /// Any thread.
  void request_stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace meridian::io
