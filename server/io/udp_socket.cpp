#include "io/udp_socket.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/ioctl.h>

#include "io/clock.hpp"

namespace meridian::io {
namespace {

std::string reason() {
  return std::strerror(errno);
}

void set_option(int descriptor, int level, int name, int value) {
  ::setsockopt(descriptor, level, name, &value, sizeof value);
}

bool is_full(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS;
}

/// Whether this kernel cuts messages into datagrams (Linux 4.18).
bool has_segmentation(int descriptor) {
  const int off = 0;
  return ::setsockopt(descriptor, SOL_UDP, UDP_SEGMENT, &off, sizeof off) == 0;
}

/// Asks for kBufferBytes; returns a sentence when the kernel granted less.
std::string raise_buffer(int descriptor, int option, int forced_option, const char* limit) {
  constexpr int kWanted = UdpSocket::kBufferBytes;
  set_option(descriptor, SOL_SOCKET, option, kWanted);
  set_option(descriptor, SOL_SOCKET, forced_option, kWanted);  // needs CAP_NET_ADMIN
  int granted = 0;
  socklen_t size = sizeof granted;
  ::getsockopt(descriptor, SOL_SOCKET, option, &granted, &size);
  granted /= 2;  // the kernel doubles what it is asked for, for its own bookkeeping
  if (granted >= kWanted) {
    return {};
  }
  return std::string("the kernel limits UDP buffers to ") + std::to_string(granted) +
         " bytes, bursts may be lost; raise it with: sysctl -w " + limit + "=" +
         std::to_string(kWanted);
}

}  // namespace

socklen_t to_sockaddr(const SocketAddress& address, sockaddr_storage& out) {
  const Bytes octets = address.ip.bytes();
  if (address.ip.is_v4()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port);
    std::memcpy(&v4.sin_addr, octets.data(), octets.size());
    std::memcpy(&out, &v4, sizeof v4);
    return sizeof v4;
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(address.port);
  std::memcpy(&v6.sin6_addr, octets.data(), octets.size());
  std::memcpy(&out, &v6, sizeof v6);
  return sizeof v6;
}

SocketAddress from_sockaddr(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, &address, sizeof v6);
    std::array<std::uint8_t, 16> octets{};
    std::memcpy(octets.data(), &v6.sin6_addr, octets.size());
    return {IpAddress::v6(octets), ntohs(v6.sin6_port)};
  }
  sockaddr_in v4;
  std::memcpy(&v4, &address, sizeof v4);
  std::array<std::uint8_t, 4> octets{};
  std::memcpy(octets.data(), &v4.sin_addr, octets.size());
  return {IpAddress::v4(octets), ntohs(v4.sin_port)};
}

ReceiveBatch::ReceiveBatch()
    : arena_(std::make_unique_for_overwrite<std::uint8_t[]>(kMaxMessages * kSlotSize)),
      datagrams_(std::make_unique<ReceivedDatagram[]>(kMaxDatagrams)) {
  for (std::size_t i = 0; i < kMaxMessages; ++i) {
    vectors_[i] = {arena_.get() + i * kSlotSize, kSlotSize};
  }
}

void ReceiveBatch::prepare() {
  for (std::size_t i = 0; i < kMaxMessages; ++i) {
    msghdr& header = headers_[i].msg_hdr;
    header.msg_name = &senders_[i];
    header.msg_namelen = sizeof(sockaddr_storage);
    header.msg_iov = &vectors_[i];
    header.msg_iovlen = 1;
    header.msg_control = control_[i].data();
    header.msg_controllen = control_[i].size();
    header.msg_flags = 0;
  }
}

std::size_t ReceiveBatch::collect(std::size_t count, const Now& now, std::uint32_t& kernel_drops) {
  size_ = 0;
  std::size_t dropped = 0;
  for (std::size_t i = 0; i < count; ++i) {
    msghdr& header = headers_[i].msg_hdr;
    Instant received = now.monotonic;
    std::size_t segment_size = headers_[i].msg_len;
    for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
      if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
        int joined = 0;
        std::memcpy(&joined, CMSG_DATA(c), sizeof joined);
        segment_size = joined > 0 ? static_cast<std::size_t>(joined) : segment_size;
      } else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
        timespec at;
        std::memcpy(&at, CMSG_DATA(c), sizeof at);
        const std::int64_t ns = static_cast<std::int64_t>(at.tv_sec) * 1'000'000'000 + at.tv_nsec;
        received = to_instant(UnixTime::from_nanoseconds(ns), now);
      } else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
        std::memcpy(&kernel_drops, CMSG_DATA(c), sizeof kernel_drops);
      }
    }
    if ((header.msg_flags & MSG_TRUNC) != 0) {
      ++dropped;
    } else {
      dropped += split(i, received, segment_size);
    }
  }
  return dropped;
}

/// The datagrams of a message: each of segment_size, the last maybe shorter. Returns how many were
/// dropped.
std::size_t ReceiveBatch::split(std::size_t message, Instant received, std::size_t segment_size) {
  const SocketAddress from = from_sockaddr(senders_[message]);
  MutableBytes rest(arena_.get() + message * kSlotSize, headers_[message].msg_len);
  std::size_t dropped = 0;
  for (std::size_t i = 0; i < kMaxSegments; ++i) {
    const std::size_t size = std::min(rest.size(), segment_size);
    if (size > kMaxSize) {
      ++dropped;
    } else {
      datagrams_[size_++] = {from, received, rest.first(size)};
    }
    rest = rest.subspan(size);
    if (rest.empty()) {
      break;
    }
  }
  return dropped + (rest.empty() ? 0 : 1);
}

UdpSocket::UdpSocket(FileDescriptor descriptor, SocketAddress local, std::string buffer_warning)
    : descriptor_(std::move(descriptor)),
      local_(local),
      buffer_warning_(std::move(buffer_warning)),
      can_segment_(has_segmentation(descriptor_.get())) {}

base::Expected<UdpSocket, base::Error> UdpSocket::open(const SocketAddress& local,
                                                       const std::string& device) {
  const int family = local.ip.is_v4() ? AF_INET : AF_INET6;
  FileDescriptor descriptor(::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!descriptor.is_open()) {
    return base::fail("cannot open a UDP socket: " + reason());
  }
  const int fd = descriptor.get();
  if (family == AF_INET6) {
    set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  }
  if (!device.empty() && ::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device.data(),
                                      static_cast<socklen_t>(device.size())) != 0) {
    return base::fail("cannot bind UDP " + local.to_string() + " to the device " + device + ": " +
                      reason());
  }
  sockaddr_storage address{};
  const socklen_t size = to_sockaddr(local, address);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), size) != 0) {
    return base::fail("cannot bind UDP " + local.to_string() + ": " + reason());
  }
  set_option(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
  set_option(fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
  set_option(fd, SOL_UDP, UDP_GRO, 1);  // Linux 5.0; elsewhere bursts come as they are
  static_assert(IP_PMTUDISC_PROBE == IPV6_PMTUDISC_PROBE);
  // Never fragment: a path that cannot carry a packet is found out by loss, not by reassembly.
  set_option(fd, family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
             family == AF_INET ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER, IP_PMTUDISC_PROBE);
  std::string warning = raise_buffer(fd, SO_RCVBUF, SO_RCVBUFFORCE, "net.core.rmem_max");
  if (warning.empty()) {
    warning = raise_buffer(fd, SO_SNDBUF, SO_SNDBUFFORCE, "net.core.wmem_max");
  } else {
    warning += " net.core.wmem_max=" + std::to_string(kBufferBytes);
    raise_buffer(fd, SO_SNDBUF, SO_SNDBUFFORCE, "net.core.wmem_max");
  }
  socklen_t bound_size = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &bound_size);
  return UdpSocket(std::move(descriptor), from_sockaddr(address), std::move(warning));
}

UdpSocket::Received UdpSocket::receive(ReceiveBatch& batch, const Now& now) {
  batch.prepare();
  const int count = ::recvmmsg(descriptor(), batch.headers_.data(), ReceiveBatch::kMaxMessages,
                               MSG_DONTWAIT, nullptr);
  if (count <= 0) {
    // Nothing there, or an error that an earlier send left on the socket (ICMP unreachable).
    batch.size_ = 0;
    return {};
  }
  std::uint32_t drops = kernel_drops_raw_;
  const std::size_t truncated = batch.collect(static_cast<std::size_t>(count), now, drops);
  kernel_drops_ += drops - kernel_drops_raw_;  // 32-bit counter of the kernel that may wrap
  kernel_drops_raw_ = drops;
  return {static_cast<std::size_t>(count), truncated};
}

UdpSocket::Sent UdpSocket::send(SendCall& call) {
  Sent result;
  const std::span<mmsghdr> headers = call.headers();
  if (headers.empty()) {
    return result;
  }
  if (segmentation_pause_ > 0) {
    --segmentation_pause_;
  }
  int messages = 0;
  do {
    ++result.calls;
    messages = ::sendmmsg(descriptor(), headers.data(), static_cast<unsigned>(headers.size()),
                          MSG_DONTWAIT);
  } while (messages < 0 && errno == EINTR);
  for (int i = 0; i < messages; ++i) {
    result.sent += call.segments(static_cast<std::size_t>(i));
  }
  if (messages > 0) {
    return result;
  }
  if (is_full(errno)) {
    result.would_block = true;
  } else if (call.segments(0) > 1) {
    // Whatever is wrong with the message may be wrong with its being cut: a path with a small MTU,
    // a device that can't compute checksums.
    split_first(call, result);
  } else {
    call.refused_[0] = true;
    result.sent = result.refused = 1;
  }
  return result;
}

void UdpSocket::split_first(SendCall& call, Sent& result) {
  if (errno == EIO || errno == EOPNOTSUPP || errno == ENOPROTOOPT) {  // the device
    segmentation_pause_ = kSegmentationPause;
  }
  result.was_split = true;
  const SendCall::Message& message = call.messages_[0];
  const auto* address = reinterpret_cast<const sockaddr*>(&call.addresses_[0]);
  const socklen_t size = call.headers_[0].msg_hdr.msg_namelen;
  for (const Bytes datagram : call.datagrams(message)) {
    ++result.calls;
    const ssize_t sent =
        ::sendto(descriptor(), datagram.data(), datagram.size(), MSG_DONTWAIT, address, size);
    if (sent < 0 && is_full(errno)) {
      result.would_block = true;
      return;
    }
    if (sent < 0) {
      call.refused_[result.sent] = true;
      ++result.refused;
    }
    ++result.sent;
  }
}

UdpSocket::Sent UdpSocket::send(std::span<const SendItem> items) {
  Sent total;
  SendCall call;
  while (total.sent < items.size() && !total.would_block) {
    call.reset(grouping());
    for (const SendItem& item : items.subspan(total.sent)) {
      if (!call.add(item.to, item.bytes)) {
        break;
      }
    }
    const Sent part = send(call);
    total.sent += part.sent;
    total.refused += part.refused;
    total.calls += part.calls;
    total.would_block = part.would_block;
    total.was_split |= part.was_split;
  }
  return total;
}

std::uint64_t UdpSocket::waiting_bytes() const {
  int bytes = 0;
  // Where it can't be told, something waits: nothing may be called dry that isn't known to be.
  return ::ioctl(descriptor(), SIOCOUTQ, &bytes) == 0 && bytes >= 0
             ? static_cast<std::uint64_t>(bytes)
             : UINT64_MAX;
}

std::optional<IpAddress> outbound_address(const IpAddress& towards) {
  constexpr std::uint16_t kAnyPort = 9;  // connecting a UDP socket sends nothing
  const FileDescriptor fd(
      ::socket(towards.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_storage address{};
  const socklen_t size = to_sockaddr({towards, kAnyPort}, address);
  if (!fd.is_open() ||
      ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) {
    return std::nullopt;
  }
  socklen_t local_size = sizeof address;
  ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &local_size);
  return from_sockaddr(address).ip;
}

}  // namespace meridian::io
