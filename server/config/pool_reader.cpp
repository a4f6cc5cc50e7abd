#include "config/pool_reader.hpp"

#include <algorithm>
#include <utility>

#include "config/turn_reader.hpp"

namespace meridian::config {
namespace {

constexpr std::size_t kMaxDeviceName = 15;  // IFNAMSIZ without its zero

constexpr std::uint64_t kMaxPort = 65535;

std::vector<IpAddress> read_addresses(const YamlNode& node) {
  std::vector<IpAddress> addresses;
  const std::vector<YamlNode> elements =
      node.is_list() ? node.elements() : std::vector<YamlNode>{node};
  for (const YamlNode& element : elements) {
    const std::string text = element.required_text();
    const auto address = IpAddress::parse(text);
    if (!address) {
      if (!text.empty()) {
        element.error("must be an IP address, is " + text);
      }
      continue;
    }
    const bool has_family = std::ranges::any_of(
        addresses, [&](const IpAddress& other) { return other.is_v4() == address->is_v4(); });
    if (has_family) {
      element.error("is a second address of its family; a pool has one IPv4 and one IPv6 address");
    }
    addresses.push_back(*address);
  }
  return addresses;
}

void read_port(const YamlNode& node, std::uint16_t workers, Media& media) {
  const YamlNode port = node["port"];
  const YamlNode range = node["port_range"];
  if (port.is_present() == range.is_present()) {
    node.error("needs either port or port_range");
    return;
  }
  if (port.is_present()) {
    media.port = static_cast<std::uint16_t>(port.number(0, kMaxPort).value_or(0));
    if (media.port != 0 && media.port + workers - 1U > kMaxPort) {
      port.error("leaves no port for each of " + std::to_string(workers) + " workers");
    }
    return;
  }
  const std::vector<YamlNode> ends = range.elements();
  if (ends.size() != 2) {
    range.error("must be a list of the first and the last port");
    return;
  }
  const auto first = ends[0].number(1, kMaxPort);
  const auto last = ends[1].number(1, kMaxPort);
  if (first && last) {
    media.port = static_cast<std::uint16_t>(*first);
    if (*last < *first) {
      range.error("ends before it begins");
    } else if (*last - *first + 1 < workers) {
      range.error("has fewer ports than the pool has workers (" + std::to_string(workers) + ")");
    }
  }
}

void read_advertised(const YamlNode& node, std::uint16_t workers, Media& media) {
  const YamlNode address = node["advertised_address"];
  if (address.is_scalar() && address.text() == "auto") {
    media.advertised_address = AutoAddress{};
  } else if (address.is_present()) {
    std::vector<IpAddress> advertised = read_addresses(address);
    const bool is_matching =
        std::ranges::equal(advertised, media.addresses, {}, &IpAddress::is_v4, &IpAddress::is_v4);
    if (!is_matching) {
      address.error("must give one address for each of media.address, of the same families");
    }
    if (std::ranges::any_of(advertised, &IpAddress::is_unspecified)) {
      address.error("must be an address that clients can reach");
    }
    media.advertised_address = std::move(advertised);
  } else if (std::ranges::any_of(media.addresses, &IpAddress::is_unspecified)) {
    node["address"].error(
        "is every address of this host, so advertised_address must say which one "
        "clients reach");
  }
  if (const YamlNode server = node["public_address_from"]; server.is_present()) {
    media.public_address_from = server.required_text();
    if (!std::holds_alternative<AutoAddress>(media.advertised_address)) {
      server.error("is of use only with advertised_address: auto");
    } else if (!media.public_address_from.contains(':')) {
      server.error("must be host:port of a STUN server");
    }
  }
  const YamlNode port = node["advertised_port"];
  media.advertised_port = static_cast<std::uint16_t>(port.number(1, kMaxPort).value_or(media.port));
  if (media.advertised_port + workers - 1U > kMaxPort) {
    port.error("leaves no port for each of " + std::to_string(workers) + " workers");
  }
}

// As the kernel has it: shorter than IFNAMSIZ, no slash, no blank, not the name of a folder.
std::string read_device(const YamlNode& node) {
  if (!node.is_present()) {
    return {};
  }
  std::string device = node.required_text();
  const bool is_name = device.size() <= kMaxDeviceName && device != "." && device != ".." &&
                       std::ranges::all_of(device, [](char c) { return c > ' ' && c != '/'; });
  if (!is_name) {
    node.error("must be the name of a network device, such as eth0, is " + device);
  }
  return device;
}

Media read_media(const YamlNode& node, std::uint16_t workers) {
  Media media;
  if (!node.is_present()) {
    node.error("is missing");
    return media;
  }
  node.expect_keys({"address", "port", "port_range", "advertised_address", "advertised_port",
                    "public_address_from", "bind_device", "tcp_port"});
  media.bind_device = read_device(node["bind_device"]);
  media.addresses = read_addresses(node["address"]);
  read_port(node, workers, media);
  read_advertised(node, workers, media);
  const YamlNode tcp = node["tcp_port"];
  media.tcp_port = static_cast<std::uint16_t>(tcp.number(1, kMaxPort).value_or(0));
  if (media.tcp_port != 0 && media.tcp_port + workers - 1U > kMaxPort) {
    tcp.error("leaves no port for each of " + std::to_string(workers) + " workers");
  }
  return media;
}

RegionId read_pool_region(const YamlNode& node, const std::vector<residency::Region>& regions,
                          const std::vector<Pool>& before) {
  RegionId region(node.required_text());
  if (region.empty()) {
    return region;
  }
  if (std::ranges::find(regions, region, &residency::Region::id) == regions.end()) {
    node.error("there is no region " + region.value());
  } else if (std::ranges::find(before, region, &Pool::region) != before.end()) {
    node.error("region " + region.value() + " has a pool already; give that one more workers");
  }
  return region;
}

Pool read_pool(const YamlNode& node, const std::vector<residency::Region>& regions,
               const std::vector<Pool>& before, bool is_tls) {
  constexpr std::uint64_t kMaxParticipants = 100'000;
  node.expect_keys({"region", "workers", "signalling", "media", "participants", "people_per_worker",
                    "closed", "turn"});
  Pool pool;
  pool.region = read_pool_region(node["region"], regions, before);
  pool.workers =
      static_cast<std::uint16_t>(node["workers"].number(1, kMaxWorkers).value_or(pool.workers));
  pool.participants = static_cast<std::uint32_t>(
      node["participants"].number(1, kMaxParticipants).value_or(pool.participants));
  pool.people_per_worker = static_cast<std::uint32_t>(
      node["people_per_worker"].number(1, kMaxParticipants).value_or(pool.people_per_worker));
  pool.is_closed = node["closed"].flag().value_or(false);
  for (const YamlNode& listener : node["signalling"].elements()) {
    if (const auto address = read_socket_address(listener)) {
      pool.signalling.push_back(*address);
    } else if (!listener.is_present()) {
      listener.error("is missing");
    }
  }
  if (!node["signalling"].is_present() ||
      (node["signalling"].is_list() && node["signalling"].elements().empty())) {
    node["signalling"].error("needs at least one address to listen on");
  }
  pool.media = read_media(node["media"], pool.workers);
  pool.turn = read_turn(node["turn"], pool, is_tls, regions);
  return pool;
}

// Whether ports of the workers of one are ports of the workers of the other.
bool overlap(const Pool& a, std::uint16_t first, const Pool& b, std::uint16_t second) {
  return first != 0 && second != 0 && first + a.workers > second && second + b.workers > first;
}

// Whether some worker of one binds what some worker of the other binds.
bool is_media_clash(const Pool& a, const Pool& b) {
  if (!overlap(a, a.media.port, b, b.media.port) &&
      !overlap(a, a.media.tcp_port, b, b.media.tcp_port)) {
    return false;
  }
  const bool is_bound = !a.media.bind_device.empty() && !b.media.bind_device.empty();
  if (is_bound && a.media.bind_device != b.media.bind_device) {
    return false;
  }
  return std::ranges::any_of(a.media.addresses, [&](const IpAddress& ours) {
    return std::ranges::any_of(b.media.addresses, [&](const IpAddress& theirs) {
      return is_clash({ours, 1}, {theirs, 1});
    });
  });
}

}  // namespace

bool is_clash(const SocketAddress& a, const SocketAddress& b) {
  return a.port == b.port && a.port != 0 && a.ip.is_v4() == b.ip.is_v4() &&
         (a.ip == b.ip || a.ip.is_unspecified() || b.ip.is_unspecified());
}

std::optional<SocketAddress> read_socket_address(const YamlNode& node) {
  const auto text = node.text();
  if (!text) {
    return std::nullopt;
  }
  const auto address = SocketAddress::parse(*text);
  if (!address) {
    node.error("must be an address and a port, such as 127.0.0.1:7880, is " + *text);
  }
  return address;
}

std::vector<Pool> read_pools(const YamlNode& node, const std::vector<residency::Region>& regions,
                             bool is_tls) {
  std::vector<Pool> pools;
  unsigned workers = 0;
  for (const YamlNode& element : node.elements()) {
    Pool pool = read_pool(element, regions, pools, is_tls);
    workers += pool.workers;
    if (workers > kMaxWorkers && workers - pool.workers <= kMaxWorkers) {
      element["workers"].error("makes " + std::to_string(workers) +
                               " workers with the pools before it, and a node has at most " +
                               std::to_string(kMaxWorkers));
    }
    for (const Pool& other : pools) {
      if (is_media_clash(pool, other)) {
        element["media"].error("binds ports that the pool of " + other.region.value() +
                               " binds too");
      }
    }
    pools.push_back(std::move(pool));
  }
  return pools;
}

}  // namespace meridian::config
