#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/bytes.hpp"
#include "base/rtp_types.hpp"
#include "base/time.hpp"
#include "io/tcp_framing.hpp"
#include "transport/send_batch.hpp"

namespace meridian::io {

/// What waits to be written to one TCP connection, framed (RFC 4571, or as TURN does). Media that
/// waited too long for a slow network is of no use to anybody: it goes, and with it the rest of its
/// frame, so that at most kMaxDelay of it ever waits. Everything else waits for as long as there is
/// room. Memory is taken once. One thread.
class TcpQueue {
 public:
  static constexpr Duration kMaxDelay = 200ms;
  /// kMaxDelay of 10 Mbit/s.
  static constexpr std::size_t kBytes = 256UL * 1024;
  static constexpr std::size_t kPackets = 1024;
  /// Frames of which it is remembered that the rest of them is to go, too.
  static constexpr std::size_t kMaxBrokenFrames = 16;

  TcpQueue();

  /// Takes a copy of the datagram, framed, after expire(); false when it is dropped: its frame is
  /// broken, or there is no room.
  [[nodiscard]] bool push(const transport::OutboundDatagram& datagram, Instant now);
  /// The same with what stands around it in another protocol: `header`, the datagram, `padding`
  /// zeros.
  struct Framed {
    TransportId transport = {};
    Bytes header = {};
    Bytes datagram;
    std::size_t padding = 0;
  };
  [[nodiscard]] bool push(const Framed& framed, Instant now);
  /// Drops what waited too long. How many packets.
  std::size_t expire(Instant now);

  [[nodiscard]] bool empty() const { return count_ == 0; }
  /// Packets that wait, those included that will be left out.
  [[nodiscard]] std::size_t size() const { return count_; }
  /// What to write next: the rest of the oldest packet and the packets behind it that lie in one
  /// piece with it, up to `limit` bytes but at least that rest.
  [[nodiscard]] Bytes next(std::size_t limit);
  /// A packet that was written whole, without its frame.
  struct Written {
    TransportId transport;
    Bytes datagram;
  };
  /// So many bytes of next() were written: calls `sink(Written)` for each packet that is complete.
  template <class Sink>
  void consume(std::size_t bytes, const Sink& sink) {
    while (bytes > 0) {
      const Packet& packet = front();
      const std::size_t step = std::min(bytes, packet.size - written_);
      written_ += step;
      bytes -= step;
      if (written_ == packet.size) {
        sink(Written{packet.transport,
                     Bytes(bytes_.get() + packet.at + packet.header, packet.datagram)});
        pop();
      }
    }
  }

 private:
  /// Which frame a packet of media belongs to.
  struct Frame {
    Ssrc ssrc;
    RtpTimestamp timestamp;
    friend bool operator==(const Frame&, const Frame&) = default;
  };
  struct Packet {
    std::size_t at = 0;    // in bytes_
    std::size_t size = 0;  // with all that stands around it
    std::size_t header = 0;
    std::size_t datagram = 0;
    Instant queued;
    TransportId transport;
    std::optional<Frame> frame;  // nothing: not media, and never dropped
    bool is_dropped = false;
  };

  [[nodiscard]] static std::optional<Frame> frame_of(Bytes datagram);
  [[nodiscard]] Packet& at(std::size_t index) { return packets_[(first_ + index) % kPackets]; }
  [[nodiscard]] Packet& front() { return at(0); }
  void pop();
  /// Room for `size` bytes in one piece; nothing when there is none.
  [[nodiscard]] std::optional<std::size_t> find_room(std::size_t size);
  void break_frame(const Frame& frame);
  [[nodiscard]] bool is_broken(const Frame& frame) const;
  void skip_dropped();

  std::unique_ptr<std::uint8_t[]> bytes_;
  std::unique_ptr<Packet[]> packets_;
  std::size_t first_ = 0;
  std::size_t count_ = 0;
  std::size_t end_ = 0;      // where the next packet may begin
  std::size_t written_ = 0;  // of the oldest
  std::array<std::optional<Frame>, kMaxBrokenFrames> broken_{};
  std::size_t next_broken_ = 0;
};

}  // namespace meridian::io
