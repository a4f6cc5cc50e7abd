#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/expected.hpp"
#include "base/random.hpp"
#include "config/config.hpp"

/// What clients are told to send media to. Nobody outside is asked, but for a STUN server that the
/// operator named.
namespace meridian::io {

/// Addresses that nobody on the internet reaches: RFC 1918, RFC 6598, link-local, loopback, RFC
/// 4193.
[[nodiscard]] bool is_private(const IpAddress& address);

/// A Binding request without attributes (RFC 8489); `out` has kStunRequestSize bytes.
inline constexpr std::size_t kStunRequestSize = 20;
void write_binding_request(MutableBytes out, Bytes transaction);
/// XOR-MAPPED-ADDRESS of the success response to that transaction; nothing for anything else.
[[nodiscard]] std::optional<SocketAddress> parse_binding_response(Bytes datagram,
                                                                  Bytes transaction);

/// Asks the STUN server `host:port` for the address that a datagram from `local` has out there.
/// Blocks for up to a few seconds; only at start. Errors: a sentence.
[[nodiscard]] base::Expected<IpAddress, base::Error> ask_stun_server(const IpAddress& local,
                                                                     std::string_view server,
                                                                     RandomSource& random);

/// The address to advertise for each of `media.addresses`, in order. With `auto`, that of the
/// default route's interface; when that is private, what media.public_address_from says, and
/// without one an error.
[[nodiscard]] base::Expected<std::vector<IpAddress>, base::Error> advertised_addresses(
    const config::Media& media, RandomSource& random);

}  // namespace meridian::io
