#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/address.hpp"
#include "base/bytes.hpp"

namespace meridian::io {

/// The datagrams of one sendmmsg call. Those that follow each other to one address and have one
/// size become one message that the kernel or the network card cuts into datagrams (UDP_SEGMENT);
/// the last of a message may be shorter. The bytes are referred to until the call. Allocates
/// nothing.
class SendCall {
 public:
  static constexpr std::size_t kMaxMessages = 64;
  static constexpr std::size_t kMaxDatagrams = 512;
  /// Of one message: what every kernel with UDP_SEGMENT takes.
  static constexpr std::size_t kMaxSegments = 64;
  /// Of one message: an IP packet's length minus the headers of IPv6 and UDP.
  static constexpr std::size_t kMaxMessageSize = 65'535 - 48;

  enum class Grouping : std::uint8_t { kSingle, kSegments };
  /// Empties it; with kSingle each datagram becomes a message of its own.
  void reset(Grouping grouping);
  /// False: no room, and nothing was added.
  [[nodiscard]] bool add(const SocketAddress& to, Bytes datagram);

  [[nodiscard]] std::size_t datagram_count() const { return datagram_count_; }
  [[nodiscard]] std::size_t message_count() const { return message_count_; }
  /// How many datagrams the message holds.
  [[nodiscard]] std::size_t segments(std::size_t message) const {
    return messages_[message].segments;
  }
  /// After a send: whether the kernel refused this datagram for good.
  [[nodiscard]] bool is_refused(std::size_t datagram) const { return refused_[datagram]; }

  static constexpr std::size_t kControlSize = CMSG_SPACE(sizeof(std::uint16_t));
  /// Lets the kernel cut a message into datagrams of `size` bytes; `control` has kControlSize and
  /// is aligned as a cmsghdr.
  static void set_segment_size(msghdr& header, std::span<std::uint8_t> control, std::size_t size);

 private:
  friend class UdpSocket;
  struct Message {
    SocketAddress to;
    std::size_t first = 0;  // datagram
    std::size_t segments = 0;
    std::size_t segment_size = 0;
    std::size_t size = 0;
    bool is_closed = false;  // its last datagram is shorter
  };

  [[nodiscard]] bool extend(const SocketAddress& to, Bytes datagram);
  [[nodiscard]] bool begin(const SocketAddress& to, Bytes datagram);
  void append(Bytes datagram);
  /// Makes the headers of all messages refer to what was added.
  std::span<mmsghdr> headers();
  [[nodiscard]] std::span<const Bytes> datagrams(const Message& message) const {
    return std::span(datagrams_).subspan(message.first, message.segments);
  }

  Grouping grouping_ = Grouping::kSingle;
  std::size_t datagram_count_ = 0;
  std::size_t message_count_ = 0;
  // Written before they are read: only as many as are counted.
  std::array<Message, kMaxMessages> messages_;
  std::array<Bytes, kMaxDatagrams> datagrams_;
  std::array<iovec, kMaxDatagrams> vectors_;
  std::array<bool, kMaxDatagrams> refused_;
  std::array<mmsghdr, kMaxMessages> headers_;
  std::array<sockaddr_storage, kMaxMessages> addresses_;
  alignas(cmsghdr) std::array<std::array<std::uint8_t, kControlSize>, kMaxMessages> control_;
};

}  // namespace meridian::io
