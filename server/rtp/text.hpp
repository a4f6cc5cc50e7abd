#pragma once

#include <string>
#include <string_view>

#include "rtp/media.hpp"
#include "rtp/packet.hpp"

namespace meridian::rtp {

/// One line for logs of the simulator and test failures, e.g.
/// `RTP ssrc=0x0000002a seq=7 ts=90000 pt=96 m=1 ext=1:4,3:2 payload=1100 pad=0`.
/// Extensions are id:size. Allocates, so never on the packet path.
[[nodiscard]] std::string to_text(const PacketView& packet);

/// Names as in SDP (`VP8`, `opus`), enum values of errors as words.
[[nodiscard]] std::string_view to_text(Codec codec);
[[nodiscard]] std::string_view to_text(ParseError error);

}  // namespace meridian::rtp
