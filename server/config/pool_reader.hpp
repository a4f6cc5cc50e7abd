#pragma once

#include <vector>

#include "config/config.hpp"
#include "config/yaml_node.hpp"

namespace meridian::config {

/// An address and port as written: `127.0.0.1:7880`, `[::1]:7880`. Nothing when absent; reported
/// when malformed. Port 0 stands for any free port.
[[nodiscard]] std::optional<SocketAddress> read_socket_address(const YamlNode& node);

/// Reads `pools`, whose regions must be among `regions`; reports all that is wrong with each, and
/// addresses that two pools would both bind. `is_tls`: listeners have a certificate.
[[nodiscard]] std::vector<Pool> read_pools(const YamlNode& node,
                                           const std::vector<residency::Region>& regions,
                                           bool is_tls);

/// Whether both can't be bound at once: the same port, on the same address or on all of a family.
[[nodiscard]] bool is_clash(const SocketAddress& a, const SocketAddress& b);

}  // namespace meridian::config
