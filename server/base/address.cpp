#include "base/address.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>

namespace meridian {

IpAddress IpAddress::v4(std::array<std::uint8_t, 4> octets) {
  IpAddress address;
  std::ranges::copy(octets, address.octets_.begin());
  return address;
}

IpAddress IpAddress::v6(const std::array<std::uint8_t, 16>& octets) {
  static constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0,    0,
                                                           0, 0, 0, 0, 0xff, 0xff};
  if (std::equal(kMapped.begin(), kMapped.end(), octets.begin())) {
    return v4({octets[12], octets[13], octets[14], octets[15]});
  }
  IpAddress address;
  address.octets_ = octets;
  address.is_v4_ = false;
  return address;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  const std::string terminated(text);
  std::array<std::uint8_t, 16> octets{};
  if (inet_pton(AF_INET, terminated.c_str(), octets.data()) == 1) {
    return v4({octets[0], octets[1], octets[2], octets[3]});
  }
  if (inet_pton(AF_INET6, terminated.c_str(), octets.data()) == 1) {
    return v6(octets);
  }
  return std::nullopt;
}

bool IpAddress::is_unspecified() const {
  return std::ranges::all_of(bytes(), [](std::uint8_t octet) { return octet == 0; });
}

bool IpAddress::is_loopback() const {
  if (is_v4_) {
    return octets_[0] == 127;
  }
  return octets_[15] == 1 &&
         std::all_of(octets_.begin(), octets_.end() - 1, [](std::uint8_t o) { return o == 0; });
}

std::string IpAddress::to_string() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(is_v4_ ? AF_INET : AF_INET6, octets_.data(), text.data(), text.size());
  return text.data();
}

std::string SocketAddress::to_string() const {
  const std::string host = ip.is_v4() ? ip.to_string() : "[" + ip.to_string() + "]";
  return host + ":" + std::to_string(port);
}

std::optional<SocketAddress> SocketAddress::parse(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return std::nullopt;
  }
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return std::nullopt;
  }
  const auto ip = IpAddress::parse(host);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (!ip || error != std::errc{} || end != digits.data() + digits.size()) {
    return std::nullopt;
  }
  return SocketAddress{*ip, port};
}

}  // namespace meridian

std::size_t std::hash<meridian::SocketAddress>::operator()(
    const meridian::SocketAddress& address) const noexcept {
  // FNV-1a over address and port.
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const std::uint8_t octet : address.ip.bytes()) {
    hash = (hash ^ octet) * 0x100000001b3ULL;
  }
  hash = (hash ^ (address.port & 0xffU)) * 0x100000001b3ULL;
  hash = (hash ^ (address.port >> 8U)) * 0x100000001b3ULL;
  return static_cast<std::size_t>(hash ^ (hash >> 32U));
}
