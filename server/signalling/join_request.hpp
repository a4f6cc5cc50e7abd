#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/expected.hpp"
#include "wire/livekit_session.pb.h"

namespace meridian::signalling {

/// Largest join request, before and after decompression.
inline constexpr std::size_t kMaxJoinRequest = 1024 * 1024;

enum class JoinRequestError : std::uint8_t {
  kMissing,
  kTooLarge,
  kNotBase64,
  kNotProtobuf,
  kNotGzip,
  kUnknownCompression,
};

/// The sentence that a client is answered with.
[[nodiscard]] std::string_view describe(JoinRequestError error);

/// Standard and URL alphabets, with or without padding; nothing when malformed.
[[nodiscard]] base::Expected<std::string, JoinRequestError> decode_base64(std::string_view text);

/// A complete gzip stream (RFC 1952) that inflates to at most `limit` bytes.
[[nodiscard]] base::Expected<std::string, JoinRequestError> inflate_gzip(std::string_view data,
                                                                         std::size_t limit);

/// The `join_request` parameter: base64 of a WrappedJoinRequest, whose content may be compressed.
[[nodiscard]] base::Expected<livekit::JoinRequest, JoinRequestError> decode_join_request(
    std::string_view parameter);

}  // namespace meridian::signalling
