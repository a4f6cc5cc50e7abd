#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.hpp"
#include "base/expected.hpp"
#include "signalling/frame_kind.hpp"
#include "wire/livekit_rtc.pb.h"

/// One WebSocket message is one envelope: binary messages are protobuf, text messages its JSON
/// mapping. A client is answered in the kind that it used last.
namespace meridian::signalling {

/// Largest message that is decoded.
inline constexpr std::size_t kMaxSignalMessage = 2 * 1024 * 1024;

enum class FrameError : std::uint8_t { kTooLarge, kMalformed, kEmpty };

/// A request with a message set. kEmpty is an envelope of a kind that this version doesn't know.
[[nodiscard]] base::Expected<livekit::SignalRequest, FrameError> decode_request(Bytes message,
                                                                                FrameKind kind);

[[nodiscard]] std::vector<std::uint8_t> encode_response(const livekit::SignalResponse& response,
                                                        FrameKind kind);

}  // namespace meridian::signalling
