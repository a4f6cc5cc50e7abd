#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.hpp"

namespace meridian::dtls {

/// ProtocolVersion of DTLS 1.2 (RFC 6347 section 4.1), and the bytes of a record before its body.
inline constexpr std::uint16_t kDtls12 = 0xfefd;
inline constexpr std::size_t kRecordHeaderSize = 13;

/// Whether every record of a datagram could be one that a peer of an established connection sends:
/// whole, DTLS 1.2 (RFC 6347 section 4.1), and in the first encrypted epoch with room for what its
/// cipher adds. `overhead` is that, in bytes: an explicit nonce where there is one, and the tag.
/// Records of the epoch before it pass: a client that repeats its last flight may put them into one
/// datagram with its Finished, and OpenSSL ignores them. It says nothing of authenticity. OpenSSL
/// 3.0 ends a connection over a shorter record, so that a forged one must not reach it.
[[nodiscard]] bool may_be_protected(Bytes datagram, std::size_t overhead);

}  // namespace meridian::dtls
