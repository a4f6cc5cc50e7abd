#pragma once

#include "metrics/worker_counters.hpp"

namespace meridian::io {

/// What a worker's thread counts about its sockets and its loop; written by that thread only.
struct IoCounters {
  /// Dropped by the kernel before we could read them: the receive buffer was full.
  metrics::Counter kernel_drops;
  metrics::Counter truncated;
  /// System calls that sent something, the messages that they took, and the datagrams of those
  /// messages that held several.
  metrics::Counter send_calls;
  metrics::Counter messages_sent;
  metrics::Counter segments_sent;
  /// Messages of several datagrams that the kernel refused to cut: they were sent one by one.
  metrics::Counter sends_split;
  /// Refused by the kernel for good: no route, too long for the path, filtered.
  metrics::Counter sends_refused;
  /// Had to wait because the send buffer was full, and lost because too many waited.
  metrics::Counter sends_delayed;
  metrics::Counter sends_lost;
  /// Not sent because the permit was gone by the time of the call.
  metrics::Counter sends_forbidden;
  /// Media over TCP: connections now; those that were taken, and refused since there were too many;
  /// strangers that made room, those who proved nothing in time or fell silent, and streams that
  /// made no sense; packets dropped because the peer's network is too slow.
  metrics::Counter tcp_connections;
  metrics::Counter tcp_accepted;
  metrics::Counter tcp_refused;
  metrics::Counter tcp_evicted;
  metrics::Counter tcp_timeouts;
  metrics::Counter tcp_malformed;
  metrics::Counter tcp_dropped;
  /// SCTP packets that found the service's mailbox full.
  metrics::Counter sctp_lost;
  /// How long one turn of the loop kept the next datagram waiting.
  /// Times that a worker's loop let more come before it read again; see TurnPace.
  metrics::Counter rests;
  metrics::LatencyHistogram loop_lag;
};

}  // namespace meridian::io
