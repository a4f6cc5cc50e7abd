#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <openssl/bio.h>

#include "base/bytes.hpp"

/// Between this folder's files only.
namespace meridian::dtls {

using Datagram = std::vector<std::uint8_t>;

/// What OpenSSL reads from and writes to: one datagram in, any number out.
struct DatagramWire {
  /// Longest datagram that is written.
  static constexpr std::size_t kMaxSize = 1400;
  /// What OpenSSL is told that fits, for the handshake.
  static constexpr std::size_t kHandshakeSize = 1200;

  Bytes input;
  std::vector<Datagram> output;
};

/// A BIO on `wire`, which must outlive it. Keeps datagrams apart, where a memory BIO would join
/// them to a stream. The caller (or the SSL that it is given to) frees it.
[[nodiscard]] BIO* make_datagram_bio(DatagramWire& wire);

}  // namespace meridian::dtls
