#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.hpp"
#include "base/strong.hpp"

/// The language between the control thread, the workers and the SCTP service thread. All values.
namespace meridian::sctp {

/// A data channel of one association: the SCTP stream identifier of both directions.
using ChannelId = base::StrongInt<struct ChannelIdTag, std::uint16_t>;

/// Our side in DTLS, which decides whose channels have even identifiers (RFC 8832 section 6).
enum class Role : std::uint8_t { kDtlsServer, kDtlsClient };

/// What a message is to the browser (RFC 8831 section 8).
enum class Payload : std::uint8_t { kText, kBinary };

enum class Order : std::uint8_t { kOrdered, kUnordered };

enum class Reliability : std::uint8_t { kReliable, kMaxRetransmits, kMaxLifetime };

struct ChannelOptions {
  std::string label{};
  std::string protocol{};
  Order order = Order::kOrdered;
  Reliability reliability = Reliability::kReliable;
  /// Retransmissions or milliseconds; meaningless when reliable.
  std::uint32_t reliability_value = 0;
  friend bool operator==(const ChannelOptions&, const ChannelOptions&) = default;
};

// ---- Commands ----------------------------------------------------------------------------------

/// Starts the association of a transport. Only after its DTLS is connected and the fingerprint
/// verified; packets of transports that are not open are dropped.
struct Open {
  TransportId transport;
  /// Where PacketToSend events of this association go.
  WorkerIndex worker;
  Role role = Role::kDtlsServer;
};

/// Aborts the association and forgets it. No AssociationClosed follows.
struct Close {
  TransportId transport;
};

/// An SCTP packet that came inside DTLS.
struct Packet {
  TransportId transport;
  std::vector<std::uint8_t> bytes;
};

/// A message for an open channel. The payload is shared, since one message goes to a whole room.
struct Send {
  TransportId transport;
  ChannelId channel;
  Payload payload = Payload::kBinary;
  std::shared_ptr<const std::vector<std::uint8_t>> bytes;
};

/// Opens a channel from our side; ChannelOpened follows when the peer has accepted it. May be sent
/// before the association is up.
struct OpenChannel {
  TransportId transport;
  ChannelOptions options;
};

struct CloseChannel {
  TransportId transport;
  ChannelId channel;
};

using Command = std::variant<Open, Close, Packet, Send, OpenChannel, CloseChannel>;

// ---- Events ------------------------------------------------------------------------------------

enum class Opener : std::uint8_t { kPeer, kUs };

struct ChannelOpened {
  TransportId transport;
  ChannelId channel;
  Opener opener = Opener::kPeer;
  ChannelOptions options;
};

enum class ChannelCloseReason : std::uint8_t {
  kByPeer,
  kByUs,
  kBacklogged,  // reliable, and the peer does not read: more than kMaxQueuedBytes waited
  kProtocolError,
  kRefused,  // OpenChannel could not be carried out; `channel` says nothing
};

struct ChannelClosed {
  TransportId transport;
  ChannelId channel;
  ChannelCloseReason reason = ChannelCloseReason::kByPeer;
};

struct MessageReceived {
  TransportId transport;
  ChannelId channel;
  Payload payload = Payload::kBinary;
  std::vector<std::uint8_t> bytes;
};

enum class CloseReason : std::uint8_t {
  kByPeer,     // shutdown or abort
  kTimeout,    // no answer
  kRestarted,  // the peer began anew, and its channels are gone
  kLimit,      // too many associations, or too large a message
  kInternal,   // the stack refused to set it up
};

/// The association is gone, and its channels with it; no ChannelClosed for each.
struct AssociationClosed {
  TransportId transport;
  CloseReason reason = CloseReason::kByPeer;
};

/// For the worker to send inside DTLS.
struct PacketToSend {
  TransportId transport;
  WorkerIndex worker;
  std::vector<std::uint8_t> bytes;
};

using Event =
    std::variant<ChannelOpened, ChannelClosed, MessageReceived, AssociationClosed, PacketToSend>;

}  // namespace meridian::sctp
