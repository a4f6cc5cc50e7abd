#pragma once

#include <cstddef>

namespace meridian::metrics {

/// What one more of each may take of a node's heap, in bytes. Tests count the allocations and hold
/// the code to these (tests/packet_path), bench/memory.sh measures a whole node, the node prints
/// them at start, and docs/operations.md says how to plan with them. Kernel memory (socket buffers)
/// is not in it.
struct MemoryBudget {
  // A participant who neither sends nor receives media, with open data channels.
  /// The WebSocket and the HTTP connection under it, and the TLS session between them.
  static constexpr std::size_t kSignalling = 8 * 1024;
  static constexpr std::size_t kTls = 15 * 1024;
  /// The control thread's half: participant, negotiation, grants, roster.
  static constexpr std::size_t kMeeting = 7 * 1024;
  /// The worker's half: ICE, DTLS, SRTP, and the peer in its shard.
  static constexpr std::size_t kTransport = 16 * 1024;
  /// The SCTP association with two channels.
  static constexpr std::size_t kAssociation = 14 * 1024;
  static constexpr std::size_t kIdleParticipant =
      kSignalling + kTls + kMeeting + kTransport + kAssociation;
  static_assert(kIdleParticipant <= 60 * 1024);

  /// Estimation and pacing of the way to a subscriber come with the first one.
  static constexpr std::size_t kFirstSubscription = 96 * 1024;
  static constexpr std::size_t kSubscription = 8 * 1024;

  // A published layer: the packets that can be sent again, and what is known of its stream.
  static constexpr std::size_t kSoundLayer = 80 * 1024;
  static constexpr std::size_t kLowLayer = 256 * 1024;
  static constexpr std::size_t kMiddleLayer = 512 * 1024;
  /// The highest of several, or the only one.
  static constexpr std::size_t kHighLayer = 1088 * 1024;
  static constexpr std::size_t kCamera = kLowLayer + kMiddleLayer + kHighLayer;
};

}  // namespace meridian::metrics
