#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "io/http_server.hpp"
#include "io/io_counters.hpp"
#include "metrics/worker_counters.hpp"
#include "node/control.hpp"
#include "turn/server.hpp"

namespace meridian::io {

/// One worker's numbers as the metrics page reads them.
struct WorkerMetrics {
  RegionId region;
  const metrics::WorkerCounters* worker = nullptr;
  const IoCounters* io = nullptr;
  /// Null without TURN.
  const turn::Counters* turn = nullptr;
};

/// All that the page shows. Labels are regions, directions and fixed words: nothing that a client
/// can choose, so that the number of series is bounded.
struct MetricsInput {
  std::span<const WorkerMetrics> workers;
  node::ControlCounters control;
  HttpCounters http;
  /// Events that wait in memory alone.
  std::uint64_t unstored_webhooks = 0;
  bool is_audit_writable = true;
  /// Until the TLS certificate ends; nothing without TLS.
  std::optional<Duration> certificate_left;
};

/// The Prometheus text exposition format 0.0.4.
[[nodiscard]] std::string render_metrics(const MetricsInput& input);

}  // namespace meridian::io
