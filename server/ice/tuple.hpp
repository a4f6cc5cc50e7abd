#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

#include "base/address.hpp"

namespace meridian::ice {

/// A path to a peer: its address and which of the worker's sockets it reached.
struct Tuple {
  SocketAddress remote;
  std::uint8_t socket = 0;
  friend auto operator<=>(const Tuple&, const Tuple&) = default;
};

}  // namespace meridian::ice

template <>
struct std::hash<meridian::ice::Tuple> {
  std::size_t operator()(const meridian::ice::Tuple& tuple) const noexcept {
    return std::hash<meridian::SocketAddress>{}(tuple.remote) * 31 + tuple.socket;
  }
};
