#pragma once

#include "base/ids.hpp"
#include "base/time.hpp"
#include "forward/receiver.hpp"
#include "forward/sender.hpp"
#include "forward/token_bucket.hpp"
#include "transport/transport.hpp"

namespace meridian::forward {

/// One client's transport as the shard sees it: a receiving and a sending half.
struct Peer {
  /// Packets a second that a client may send, and as many at once: five simulcast tracks at
  /// 2.5 Mbit/s take about 2,000. Checked before decryption.
  static constexpr std::uint64_t kMaxPacketRate = 5000;

  Peer(transport::Transport& peer_transport, RoomNumber peer_room)
      : transport(peer_transport), room(peer_room), sender(peer_transport) {}

  transport::Transport& transport;
  RoomNumber room;
  Receiver receiver;
  Sender sender;
  TokenBucket budget{kMaxPacketRate, kMaxPacketRate};
  Instant next_quality = Instant::never();
  /// Its probes are looked at with the next tick: one is under way, or there is news.
  bool is_attended = false;
  /// Its layers and reports are looked at each Shard::kSelectionInterval: until then, or as long as
  /// it has videos.
  bool is_watching = false;
  Instant watched_until;
};

}  // namespace meridian::forward
