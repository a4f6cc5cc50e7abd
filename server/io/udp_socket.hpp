#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/expected.hpp"
#include "base/time.hpp"
#include "io/file_descriptor.hpp"
#include "io/send_call.hpp"

namespace meridian::io {

/// A datagram in a slot of a ReceiveBatch; the bytes may be changed in place (decryption) and are
/// valid until the next receive into the same batch.
struct ReceivedDatagram {
  SocketAddress from;
  /// When the kernel took it from the network.
  Instant received;
  MutableBytes bytes;
};

/// Slots for one recvmmsg call, allocated once. With UDP_GRO a slot may come back with a burst from
/// one sender, which is given as the datagrams that it was. Not thread-safe: one a worker.
class ReceiveBatch {
 public:
  static constexpr std::size_t kMaxMessages = 64;
  /// What the kernel joins at most.
  static constexpr std::size_t kMaxSegments = 64;
  static constexpr std::size_t kMaxDatagrams = kMaxMessages * kMaxSegments;
  /// No media, STUN or DTLS datagram is longer on any path with an Ethernet MTU; longer ones are
  /// dropped.
  static constexpr std::size_t kMaxSize = 2048;

  ReceiveBatch();
  ReceiveBatch(const ReceiveBatch&) = delete;
  ReceiveBatch& operator=(const ReceiveBatch&) = delete;

  [[nodiscard]] std::span<const ReceivedDatagram> datagrams() const {
    return {datagrams_.get(), size_};
  }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  friend class UdpSocket;
  static constexpr std::size_t kControlSize = 128;
  /// A whole burst; a little more than a power of two, so that the beginnings of the slots, which
  /// are all that is used of most, don't share their place in the processor's caches. Memory that
  /// is never touched is never taken.
  static constexpr std::size_t kSlotSize = 65'536 + 2048 + 64;

  void prepare();
  /// Reads what the kernel filled in; returns how many were dropped for their length.
  std::size_t collect(std::size_t count, const Now& now, std::uint32_t& kernel_drops);
  std::size_t split(std::size_t message, Instant received, std::size_t segment_size);

  std::unique_ptr<std::uint8_t[]> arena_;
  std::unique_ptr<ReceivedDatagram[]> datagrams_;
  std::array<mmsghdr, kMaxMessages> headers_{};
  std::array<iovec, kMaxMessages> vectors_{};
  std::array<sockaddr_storage, kMaxMessages> senders_{};
  alignas(cmsghdr) std::array<std::array<std::uint8_t, kControlSize>, kMaxMessages> control_{};
  std::size_t size_ = 0;
};

/// What one datagram to send needs.
struct SendItem {
  SocketAddress to;
  Bytes bytes;
};

/// A non-blocking UDP socket that moves batches and counts what the kernel refuses. Used by one
/// thread.
class UdpSocket {
 public:
  /// After the kernel refused to cut a message (no checksum offload on the way, say), so many calls
  /// go by before the next is tried.
  static constexpr std::uint32_t kSegmentationPause = 1000;
  /// Room for 100 ms of 500 Mbit/s in each direction: a pause of the thread must not lose packets.
  static constexpr int kBufferBytes = 8 * 1024 * 1024;

  /// Binds to `local`; port 0 takes any. With `device` the socket sends and receives through that
  /// network device alone, whatever the routes say. Errors: a sentence with the address or device
  /// and the system's reason.
  static base::Expected<UdpSocket, base::Error> open(const SocketAddress& local,
                                                     const std::string& device = {});

  [[nodiscard]] int descriptor() const { return descriptor_.get(); }
  [[nodiscard]] const SocketAddress& local() const { return local_; }
  /// A sentence with the command that raises the kernel's limit; empty when the buffers are
  /// granted.
  [[nodiscard]] const std::string& buffer_warning() const { return buffer_warning_; }

  struct Received {
    /// Messages that came; less than kMaxMessages means that the queue is empty.
    std::size_t count = 0;
    /// Datagrams of these dropped because they were longer than kMaxSize.
    std::size_t truncated = 0;
  };
  /// One recvmmsg call; the batch then holds what came, without the truncated ones.
  Received receive(ReceiveBatch& batch, const Now& now);

  /// How datagrams are to be collected for the next call.
  [[nodiscard]] SendCall::Grouping grouping() const {
    return can_segment_ && segmentation_pause_ == 0 ? SendCall::Grouping::kSegments
                                                    : SendCall::Grouping::kSingle;
  }
  /// What a send came to, in datagrams from the front.
  struct Sent {
    /// Handed to the kernel.
    std::size_t sent = 0;
    /// Refused for good (unreachable, too long); counted in `sent` too.
    std::size_t refused = 0;
    /// System calls that it took.
    std::size_t calls = 0;
    /// The kernel's queue is full; the rest waits for writability.
    bool would_block = false;
    /// A message of several datagrams was refused as such, and they were sent one by one.
    bool was_split = false;
  };
  /// One sendmmsg call. Stops where the socket would block, and behind a datagram that is refused
  /// (see SendCall::is_refused): what is behind it needs another call.
  Sent send(SendCall& call);
  /// The same over all items, with as many calls as it takes; stops only where it would block.
  Sent send(std::span<const SendItem> items);

  /// Bytes, the kernel's own overhead included, that were handed over and have not left yet.
  [[nodiscard]] std::uint64_t waiting_bytes() const;

  /// Datagrams that the kernel dropped because the receive buffer was full, since the socket
  /// opened.
  [[nodiscard]] std::uint64_t kernel_drops() const { return kernel_drops_; }

 private:
  UdpSocket(FileDescriptor descriptor, SocketAddress local, std::string buffer_warning);
  void split_first(SendCall& call, Sent& result);

  FileDescriptor descriptor_;
  SocketAddress local_;
  std::string buffer_warning_;
  std::uint32_t kernel_drops_raw_ = 0;
  std::uint64_t kernel_drops_ = 0;
  bool can_segment_ = false;
  std::uint32_t segmentation_pause_ = 0;
};

/// The address with which this machine would talk to `towards`; no packet is sent. Nothing when
/// there is no route.
[[nodiscard]] std::optional<IpAddress> outbound_address(const IpAddress& towards);

/// Fills `out` for the system calls and returns the length of it.
socklen_t to_sockaddr(const SocketAddress& address, sockaddr_storage& out);
[[nodiscard]] SocketAddress from_sockaddr(const sockaddr_storage& address);

}  // namespace meridian::io
