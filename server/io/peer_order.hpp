#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "transport/send_batch.hpp"

namespace meridian::io {

/// Puts the datagrams of a batch in such an order that those of one transport on one socket follow
/// each other, so that they can leave in one message. Their own order stays; transports come in the
/// order of their first datagram. One thread, allocates only when it is made.
class PeerOrder {
 public:
  static constexpr std::size_t kMaxDatagrams = transport::SendBatch::kMaxDatagrams;
  using Datagram = transport::OutboundDatagram;

  PeerOrder();
  /// At most kMaxDatagrams; the result refers to `batch` and is valid until the next call.
  [[nodiscard]] std::span<const Datagram* const> arrange(std::span<const Datagram> batch);

 private:
  static constexpr std::uint16_t kNone = 0xffff;
  static constexpr std::size_t kSlots = 2 * kMaxDatagrams;
  static_assert(kMaxDatagrams < kNone && (kSlots & (kSlots - 1)) == 0);

  struct Peer {
    TransportId transport;
    std::uint8_t socket = 0;
    std::uint16_t first = kNone;
    std::uint16_t last = kNone;
  };
  /// Used when it is of this round, so that nothing has to be cleared between two.
  struct Slot {
    std::uint32_t round = 0;
    std::uint16_t peer = 0;
  };
  struct Tables {
    std::array<const Datagram*, kMaxDatagrams> order;
    std::array<std::uint16_t, kMaxDatagrams> next;
    std::array<Peer, kMaxDatagrams> peers;
    std::array<Slot, kSlots> slots{};
  };

  Peer& find(const Datagram& datagram);

  std::unique_ptr<Tables> tables_;
  std::size_t peer_count_ = 0;
  std::uint32_t round_ = 0;
};

}  // namespace meridian::io
