#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "ice/tuple.hpp"
#include "transport/transport.hpp"

namespace meridian::node {

/// DTLS datagrams of handshakes, until the worker has time for them. One costs the worker as much
/// as some hundred packets of media, so that it takes a few in each turn of its loop, after the
/// media. Allocated once; one thread.
class HandshakeQueue {
 public:
  static constexpr std::size_t kMaxWaiting = 128;
  /// One transport's share: both flights of a client whose certificate comes in fragments.
  static constexpr std::size_t kMaxPerTransport = 8;

  struct Waiting {
    TransportId transport;
    ice::Tuple from;
    [[nodiscard]] Bytes bytes() const { return Bytes(datagram).first(size); }

    std::size_t size = 0;
    std::array<std::uint8_t, transport::Transport::kMaxDatagram> datagram;
  };

  /// Copies the datagram, at most Transport::kMaxDatagram bytes; false when there is no room.
  bool push(TransportId transport, const ice::Tuple& from, Bytes datagram);
  /// The oldest; null when nothing waits.
  [[nodiscard]] const Waiting* front() const { return size_ == 0 ? nullptr : &at(0); }
  void pop();
  [[nodiscard]] bool empty() const { return size_ == 0; }

 private:
  [[nodiscard]] Waiting& at(std::size_t index) const {
    return ring_[(first_ + index) % kMaxWaiting];
  }

  std::unique_ptr<Waiting[]> ring_ = std::make_unique_for_overwrite<Waiting[]>(kMaxWaiting);
  std::size_t first_ = 0;
  std::size_t size_ = 0;
};

}  // namespace meridian::node
