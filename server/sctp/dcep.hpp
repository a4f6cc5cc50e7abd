#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bytes.hpp"
#include "base/expected.hpp"
#include "sctp/messages.hpp"

/// Data channel establishment protocol, RFC 8832 section 5. Pure.
namespace meridian::sctp::dcep {

inline constexpr std::size_t kMaxLabel = 256;
inline constexpr std::size_t kMaxProtocol = 256;
inline constexpr std::uint8_t kAckType = 0x02;
inline constexpr std::uint8_t kOpenType = 0x03;

enum class ParseError : std::uint8_t {
  kTruncated,
  kType,         // neither OPEN nor ACK
  kChannelType,  // not one of RFC 8832 section 8.2.2
  kLength,       // lengths that do not add up to the message
  kTooLong,      // label or protocol above its limit
  kText,         // label or protocol is not UTF-8
};

enum class Type : std::uint8_t { kOpen, kAck };

struct Message {
  Type type = Type::kAck;
  ChannelOptions options;  // of an OPEN
};

[[nodiscard]] base::Expected<Message, ParseError> parse(Bytes message);
/// `options` within kMaxLabel and kMaxProtocol.
[[nodiscard]] std::vector<std::uint8_t> build_open(const ChannelOptions& options);
inline constexpr std::array<std::uint8_t, 1> kAck{kAckType};

}  // namespace meridian::sctp::dcep
