#pragma once

#include <cstddef>

#include "base/bytes.hpp"

namespace meridian::dtls {

/// Whether every record of a datagram could be one of an established connection: whole, DTLS 1.2
/// (RFC 6347 section 4.1), of the first encrypted epoch, and with room for what its cipher adds.
/// `overhead` is that, in bytes: an explicit nonce where there is one, and the tag. It says nothing
/// of authenticity. OpenSSL 3.0 ends a connection over a record that is shorter, so that a forged
/// one must not reach it; it ignores records of other epochs, and so does this.
[[nodiscard]] bool may_be_protected(Bytes datagram, std::size_t overhead);

}  // namespace meridian::dtls
