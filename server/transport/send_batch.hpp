#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"

namespace meridian::transport {

/// One datagram that waits to be sent.
struct OutboundDatagram {
  SocketAddress to;
  /// Which of the worker's sockets (0: IPv4, 1: IPv6).
  std::uint8_t socket = 0;
  /// Whose it is: `io` compares the epoch of this transport's permit immediately before sending.
  TransportId transport;
  /// When the packet that caused it was received; never() for what the node made itself.
  Instant received = Instant::never();
  MutableBytes bytes;
};

/// A worker's output of one loop turn, in an arena allocated once; datagrams lie one behind the
/// other in it, so that those of a burst can leave as one piece. Not thread-safe: one a worker.
/// When it is full, reserve() first calls the flush function, which sends and empties it.
class SendBatch {
 public:
  static constexpr std::size_t kMaxDatagrams = 1024;
  /// Room for a datagram of the largest size that is ever sent, tag and trailer included.
  static constexpr std::size_t kSlotSize = 1600;
  /// What a processor's own caches still hold when it is handed over: 150 KB of video.
  static constexpr std::size_t kWarm = 128;
  using Flush = void (*)(void* context, SendBatch& batch);

  SendBatch()
      : arena_(std::make_unique<std::uint8_t[]>(kMaxDatagrams * kSlotSize)),
        datagrams_(std::make_unique<OutboundDatagram[]>(kMaxDatagrams)) {}

  void set_flush(Flush flush, void* context) {
    flush_ = flush;
    context_ = context;
  }

  /// kSlotSize bytes for the next datagram; never empty. Valid until commit() or the next
  /// reserve().
  MutableBytes reserve() {
    if (size_ == kMaxDatagrams) {
      flush();
    }
    return {arena_.get() + used_, kSlotSize};
  }
  /// Queues the first `length` bytes of what reserve() gave.
  void commit(std::size_t length, OutboundDatagram datagram) {
    datagram.bytes = {arena_.get() + used_, length};
    datagrams_[size_++] = datagram;
    used_ += length;
  }

  [[nodiscard]] std::span<OutboundDatagram> datagrams() { return {datagrams_.get(), size_}; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  void clear() {
    size_ = 0;
    used_ = 0;
  }
  void flush() {
    if (flush_ != nullptr && size_ > 0) {
      flush_(context_, *this);
    }
    clear();
  }

 private:
  std::unique_ptr<std::uint8_t[]> arena_;
  std::unique_ptr<OutboundDatagram[]> datagrams_;
  std::size_t size_ = 0;
  std::size_t used_ = 0;
  Flush flush_ = nullptr;
  void* context_ = nullptr;
};

}  // namespace meridian::transport
