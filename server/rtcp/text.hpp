#pragma once

#include <string>

#include "rtcp/packet.hpp"

namespace meridian::rtcp {

/// One line that says what a packet says, for tests and diagnostics. Not for the packet path.
[[nodiscard]] std::string to_text(const Packet& packet);
/// One line a packet.
[[nodiscard]] std::string to_text(const Compound& compound);
[[nodiscard]] std::string_view to_text(ParseError error);

}  // namespace meridian::rtcp
