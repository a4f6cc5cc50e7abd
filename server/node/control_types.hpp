#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/ids.hpp"
#include "config/config.hpp"
#include "meeting/ids.hpp"
#include "signalling/frame_kind.hpp"

namespace meridian::node {

using meeting::SignalSessionId;
using signalling::FrameKind;

/// What `io` does to one signalling connection: sends `frame` when it isn't empty, then closes
/// (code 1000) when told to. Outputs of one session are in order.
struct SignalOutput {
  SignalSessionId session;
  std::vector<std::uint8_t> frame;
  FrameKind kind = FrameKind::kBinary;
  bool closes = false;
};

/// What a WHIP or WHEP request was and how it was answered.
struct StreamRequestKey {
  /// `whip` or `whep`.
  std::string protocol;
  std::string method;
  unsigned status = 0;
  friend auto operator<=>(const StreamRequestKey&, const StreamRequestKey&) = default;
};

/// A worker of this node as placement sees it.
struct WorkerPlacement {
  WorkerIndex index;
  RegionId region;
  /// Where clients reach its media socket; at least one. They become the ICE candidates.
  std::vector<SocketAddress> advertised;
  /// The same over TCP; may be empty.
  std::vector<SocketAddress> advertised_tcp = {};
  /// TURN on this node for its clients, and the operator's other servers in its region.
  std::vector<std::string> turn_urls = {};
  std::vector<config::TurnServer> turn_servers = {};
};

/// Whether audit records reach the disk.
enum class EvidenceState : std::uint8_t {
  kWritten,
  kWaiting,  // disk full or read-only: they wait in memory, up to a bound
};

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError };

/// One structured log line. Values are server-made ids, region and account ids and numbers: never
/// names, identities, addresses, tokens or SDP.
struct LogEvent {
  LogLevel level = LogLevel::kInfo;
  std::string event;
  std::vector<std::pair<std::string, std::string>> fields;
};

}  // namespace meridian::node
