#include "io/tcp_listener.hpp"

#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "io/udp_socket.hpp"

namespace meridian::io {
namespace {

/// Unsent bytes that the kernel may hold: what waits beyond it, waits where it can be dropped.
constexpr int kUnsentBytes = 8 * 1024;
/// A peer that acknowledges nothing for so long is gone (RFC 7675 gives consent as long).
constexpr int kUserTimeoutMs = 30'000;

base::Error failure(const std::string& what) {
  return base::Error{what + ": " + std::strerror(errno)};
}

bool try_option(int descriptor, int level, int name, int value) {
  return ::setsockopt(descriptor, level, name, &value, sizeof value) == 0;
}

SocketAddress local_of(int descriptor) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size);
  return from_sockaddr(address);
}

}  // namespace

void prepare_for_media(int descriptor) {
  try_option(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
  try_option(descriptor, IPPROTO_TCP, TCP_NOTSENT_LOWAT, kUnsentBytes);
  try_option(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, kUserTimeoutMs);
}

bool bind_to_device(int descriptor, const std::string& device) {
  return device.empty() || ::setsockopt(descriptor, SOL_SOCKET, SO_BINDTODEVICE, device.data(),
                                        static_cast<socklen_t>(device.size())) == 0;
}

base::Expected<TcpListener, base::Error> TcpListener::open(const SocketAddress& local,
                                                           const std::string& device) {
  const std::string what = "can't listen on TCP " + local.to_string();
  FileDescriptor descriptor(::socket(local.ip.is_v4() ? AF_INET : AF_INET6,
                                     SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!descriptor.is_open()) {
    return std::unexpected(failure(what));
  }
  try_option(descriptor.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (!local.ip.is_v4()) {
    try_option(descriptor.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
  }
  if (!bind_to_device(descriptor.get(), device)) {
    return std::unexpected(failure("can't bind to the device " + device));
  }
  sockaddr_storage address{};
  const socklen_t size = to_sockaddr(local, address);
  if (::bind(descriptor.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      ::listen(descriptor.get(), kBacklog) != 0) {
    return std::unexpected(failure(what));
  }
  const SocketAddress bound = local_of(descriptor.get());
  return TcpListener(std::move(descriptor), bound);
}

std::optional<TcpListener::Accepted> TcpListener::accept() const {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  FileDescriptor descriptor(::accept4(descriptor_.get(), reinterpret_cast<sockaddr*>(&address),
                                      &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!descriptor.is_open()) {
    return std::nullopt;
  }
  prepare_for_media(descriptor.get());
  return Accepted{std::move(descriptor), from_sockaddr(address)};
}

}  // namespace meridian::io
