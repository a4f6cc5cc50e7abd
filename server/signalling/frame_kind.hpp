#pragma once

#include <cstdint>

namespace meridian::signalling {

/// The two kinds of WebSocket message.
enum class FrameKind : std::uint8_t { kText, kBinary };

}  // namespace meridian::signalling
