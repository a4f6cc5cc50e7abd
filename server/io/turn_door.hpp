#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"
#include "io/channel.hpp"
#include "io/file_descriptor.hpp"
#include "io/tls_session.hpp"
#include "turn/door.hpp"

namespace meridian::io {

/// A connection on its way from a listener to a worker: its socket, its TLS session (null without
/// TLS), and the plaintext that has come and was not taken.
struct TurnConnection {
  FileDescriptor socket;
  std::unique_ptr<TlsSession> tls;
  SocketAddress remote;
  std::vector<std::uint8_t> received;
};
using TurnChannel = Channel<TurnConnection>;

/// Who takes connections of a listener that begin with TURN. Called on the listener's thread.
class TurnDoor {
 public:
  virtual ~TurnDoor() = default;
  /// As turn::look.
  virtual turn::Look look(Bytes received, const SocketAddress& from, Instant now,
                          MutableBytes reply) = 0;
  /// The connection goes to that worker if it serves `region`, the listener's; else it ends.
  enum class HandOver : std::uint8_t { kTaken, kRefused };
  virtual HandOver hand_over(WorkerIndex worker, const RegionId& region,
                             TurnConnection connection) = 0;
};

}  // namespace meridian::io
