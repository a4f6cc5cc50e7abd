#pragma once

#include <optional>
#include <string>

#include "base/address.hpp"
#include "base/expected.hpp"
#include "io/file_descriptor.hpp"

namespace meridian::io {

/// Sets a connected socket up for media: what it can't send soon waits with us, not in the kernel,
/// and a peer that acknowledges nothing is given up.
void prepare_for_media(int descriptor);

/// Lets a socket send and receive through that device alone; true at once for an empty name.
[[nodiscard]] bool bind_to_device(int descriptor, const std::string& device);

/// A socket on which clients connect for media over TCP (RFC 6544, passive). Non-blocking.
class TcpListener {
 public:
  static constexpr int kBacklog = 256;

  /// Binds and listens; `device` as for UdpSocket::open. Errors: a sentence with the address or
  /// device and the system's reason.
  static base::Expected<TcpListener, base::Error> open(const SocketAddress& local,
                                                       const std::string& device = {});

  [[nodiscard]] int descriptor() const { return descriptor_.get(); }
  [[nodiscard]] const SocketAddress& local() const { return local_; }

  struct Accepted {
    FileDescriptor descriptor;
    SocketAddress remote;
  };
  /// The next connection, set up for media; nothing when none waits.
  [[nodiscard]] std::optional<Accepted> accept() const;

 private:
  TcpListener(FileDescriptor descriptor, const SocketAddress& local)
      : descriptor_(std::move(descriptor)), local_(local) {}

  FileDescriptor descriptor_;
  SocketAddress local_;
};

}  // namespace meridian::io
