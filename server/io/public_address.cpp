#include "io/public_address.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <optional>
#include <poll.h>
#include <utility>

#include "io/udp_socket.hpp"

namespace meridian::io {
namespace {

constexpr std::uint32_t kMagicCookie = 0x2112a442;
constexpr std::uint16_t kBindingRequest = 0x0001;
constexpr std::uint16_t kBindingSuccess = 0x0101;
constexpr std::uint16_t kXorMappedAddress = 0x0020;
constexpr std::size_t kTransactionSize = 12;
constexpr int kAttempts = 6;
constexpr int kWaitMilliseconds = 500;

/// Destinations that nobody has, to find the default route with.
const IpAddress kAnywhereV4 = IpAddress::v4({192, 0, 2, 1});
const IpAddress kAnywhereV6 =
    IpAddress::v6({0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});

std::optional<SocketAddress> resolve(std::string_view server, bool wants_v4) {
  const std::size_t colon = server.rfind(':');
  if (colon == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string host(server.substr(0, colon));
  const std::string port(server.substr(colon + 1));
  addrinfo hints{};
  hints.ai_family = wants_v4 ? AF_INET : AF_INET6;
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0 || found == nullptr) {
    return std::nullopt;
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  sockaddr_storage storage{};
  std::memcpy(&storage, found->ai_addr, found->ai_addrlen);
  return from_sockaddr(storage);
}

base::Expected<IpAddress, base::Error> find_address(const IpAddress& bound,
                                                    const std::string& stun_server,
                                                    RandomSource& random) {
  const auto interface =
      bound.is_unspecified() ? outbound_address(bound.is_v4() ? kAnywhereV4 : kAnywhereV6) : bound;
  if (!interface) {
    return base::fail(
        "media.advertised_address is auto, but this host has no default route: "
        "name the address that clients reach");
  }
  if (!is_private(*interface)) {
    return *interface;
  }
  if (stun_server.empty()) {
    return base::fail("media.advertised_address is auto, but this host's own address " +
                      interface->to_string() +
                      " is private: name the address that clients reach, or a STUN server of "
                      "yours in media.public_address_from");
  }
  return ask_stun_server(bound, stun_server, random);
}

}  // namespace

bool is_private(const IpAddress& address) {
  const Bytes octets = address.bytes();
  if (address.is_loopback()) {
    return true;
  }
  if (!address.is_v4()) {
    return (octets[0] & 0xfeU) == 0xfc || (octets[0] == 0xfe && (octets[1] & 0xc0U) == 0x80);
  }
  return octets[0] == 10 || (octets[0] == 172 && (octets[1] & 0xf0U) == 16) ||
         (octets[0] == 192 && octets[1] == 168) || (octets[0] == 169 && octets[1] == 254) ||
         (octets[0] == 100 && (octets[1] & 0xc0U) == 64);
}

void write_binding_request(MutableBytes out, Bytes transaction) {
  ByteWriter writer(out);
  writer.u16(kBindingRequest);
  writer.u16(0);
  writer.u32(kMagicCookie);
  writer.bytes(transaction.first(kTransactionSize));
}

std::optional<SocketAddress> parse_binding_response(Bytes datagram, Bytes transaction) {
  ByteReader reader(datagram);
  const std::uint16_t type = reader.u16();
  const std::uint16_t length = reader.u16();
  const std::uint32_t cookie = reader.u32();
  const Bytes answered = reader.bytes(kTransactionSize);
  if (reader.failed() || type != kBindingSuccess || cookie != kMagicCookie ||
      length != reader.remaining() || !std::ranges::equal(answered, transaction)) {
    return std::nullopt;
  }
  while (!reader.failed() && reader.remaining() >= 4) {
    const std::uint16_t attribute = reader.u16();
    const std::uint16_t size = reader.u16();
    const Bytes value = reader.bytes(size);
    reader.skip(std::min<std::size_t>((4 - size % 4) % 4, reader.remaining()));
    const bool is_v4 = value.size() == 8 && value[1] == 1;
    const bool is_v6 = value.size() == 20 && value[1] == 2;
    if (attribute != kXorMappedAddress || !(is_v4 || is_v6)) {
      continue;
    }
    // The mask is the cookie and then the transaction, as they stand in the header.
    const Bytes mask = datagram.subspan(4, 16);
    std::array<std::uint8_t, 16> octets{};
    for (std::size_t i = 4; i < value.size(); ++i) {
      octets[i - 4] = value[i] ^ mask[i - 4];
    }
    const auto port =
        static_cast<std::uint16_t>(load_u16(value.data() + 2) ^ (kMagicCookie >> 16U));
    const IpAddress ip =
        is_v4 ? IpAddress::v4({octets[0], octets[1], octets[2], octets[3]}) : IpAddress::v6(octets);
    return SocketAddress{ip, port};
  }
  return std::nullopt;
}

base::Expected<IpAddress, base::Error> ask_stun_server(const IpAddress& local,
                                                       std::string_view server,
                                                       RandomSource& random) {
  const std::string name(server);
  const auto address = resolve(server, local.is_v4());
  if (!address) {
    return base::fail("media.public_address_from: cannot resolve " + name +
                      ", which must be host:port");
  }
  auto socket = UdpSocket::open({local, 0});
  if (!socket) {
    return std::unexpected(socket.error());
  }
  std::array<std::uint8_t, kTransactionSize> transaction{};
  random.fill(transaction);
  std::array<std::uint8_t, kStunRequestSize> request{};
  write_binding_request(request, transaction);
  ReceiveBatch batch;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const SendItem item{*address, request};
    (void)socket->send({&item, 1});
    pollfd waited{.fd = socket->descriptor(), .events = POLLIN, .revents = 0};
    if (::poll(&waited, 1, kWaitMilliseconds) <= 0) {
      continue;
    }
    socket->receive(batch, Now{});
    for (const ReceivedDatagram& datagram : batch.datagrams()) {
      const auto mapped = parse_binding_response(datagram.bytes, transaction);
      if (mapped && datagram.from == *address) {
        return mapped->ip;
      }
    }
  }
  return base::fail("media.public_address_from: the STUN server " + name + " does not answer");
}

base::Expected<std::vector<IpAddress>, base::Error> advertised_addresses(const config::Media& media,
                                                                         RandomSource& random) {
  if (const auto* fixed = std::get_if<std::vector<IpAddress>>(&media.advertised_address)) {
    return fixed->empty() ? media.addresses : *fixed;
  }
  std::vector<IpAddress> result;
  for (const IpAddress& bound : media.addresses) {
    const auto found = find_address(bound, media.public_address_from, random);
    if (!found) {
      return std::unexpected(found.error());
    }
    result.push_back(*found);
  }
  return result;
}

}  // namespace meridian::io
