#include "sctp/dcep.hpp"

#include <string>

#include "base/check.hpp"

namespace meridian::sctp::dcep {
namespace {

constexpr std::size_t kOpenHeaderSize = 12;
constexpr std::uint8_t kUnorderedBit = 0x80;

/// Well-formed UTF-8 of RFC 3629: no overlong forms, no surrogates, at most U+10FFFF. Labels go
/// into protobuf and JSON strings, which other bytes would break.
bool is_utf8(Bytes text) {
  ByteReader reader(text);
  while (reader.remaining() > 0) {
    const std::uint8_t lead = reader.u8();
    if (lead < 0x80) {
      continue;
    }
    const int more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (lead < 0xc2 || lead > 0xf4) {
      return false;
    }
    std::uint32_t code = lead & (0x3fU >> static_cast<std::uint32_t>(more));
    for (int i = 0; i < more; ++i) {
      const std::uint8_t next = reader.u8();
      if (reader.failed() || (next & 0xc0U) != 0x80) {
        return false;
      }
      code = (code << 6U) | (next & 0x3fU);
    }
    const bool is_overlong = (more == 2 && code < 0x800) || (more == 3 && code < 0x10000);
    if (is_overlong || (code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff) {
      return false;
    }
  }
  return true;
}

base::Expected<Message, ParseError> parse_open(ByteReader& reader) {
  const std::uint8_t channel_type = reader.u8();
  reader.u16();  // priority: all channels are equal here
  const std::uint32_t reliability = reader.u32();
  const std::size_t label_size = reader.u16();
  const std::size_t protocol_size = reader.u16();
  if (reader.failed()) {
    return std::unexpected(ParseError::kTruncated);
  }
  if ((channel_type & ~kUnorderedBit) > 2) {
    return std::unexpected(ParseError::kChannelType);
  }
  if (label_size + protocol_size != reader.remaining()) {
    return std::unexpected(ParseError::kLength);
  }
  if (label_size > kMaxLabel || protocol_size > kMaxProtocol) {
    return std::unexpected(ParseError::kTooLong);
  }
  const Bytes label = reader.bytes(label_size);
  const Bytes protocol = reader.bytes(protocol_size);
  if (!is_utf8(label) || !is_utf8(protocol)) {
    return std::unexpected(ParseError::kText);
  }
  Message message{Type::kOpen, {}};
  message.options.label = as_text(label);
  message.options.protocol = as_text(protocol);
  message.options.order = (channel_type & kUnorderedBit) != 0 ? Order::kUnordered : Order::kOrdered;
  message.options.reliability = static_cast<Reliability>(channel_type & ~kUnorderedBit);
  message.options.reliability_value =
      message.options.reliability == Reliability::kReliable ? 0 : reliability;
  return message;
}

}  // namespace

// The low bits of a channel type are the enumerators of Reliability.
static_assert(static_cast<int>(Reliability::kReliable) == 0 &&
              static_cast<int>(Reliability::kMaxRetransmits) == 1 &&
              static_cast<int>(Reliability::kMaxLifetime) == 2);

base::Expected<Message, ParseError> parse(Bytes bytes) {
  ByteReader reader(bytes);
  switch (reader.u8()) {
    case kOpenType:
      return parse_open(reader);
    case kAckType:  // one byte (RFC 8832 section 5.2); pion sends three more
      return Message{Type::kAck, {}};
    default:
      return std::unexpected(reader.failed() ? ParseError::kTruncated : ParseError::kType);
  }
}

std::vector<std::uint8_t> build_open(const ChannelOptions& options) {
  MERIDIAN_CHECK(options.label.size() <= kMaxLabel && options.protocol.size() <= kMaxProtocol);
  std::vector<std::uint8_t> bytes(kOpenHeaderSize + options.label.size() + options.protocol.size());
  ByteWriter writer(bytes);
  const auto order = options.order == Order::kUnordered ? kUnorderedBit : std::uint8_t{0};
  writer.u8(kOpenType);
  writer.u8(static_cast<std::uint8_t>(order | static_cast<std::uint8_t>(options.reliability)));
  writer.u16(0);  // priority
  writer.u32(options.reliability == Reliability::kReliable ? 0 : options.reliability_value);
  writer.u16(static_cast<std::uint16_t>(options.label.size()));
  writer.u16(static_cast<std::uint16_t>(options.protocol.size()));
  writer.bytes(as_bytes(options.label));
  writer.bytes(as_bytes(options.protocol));
  return bytes;
}

}  // namespace meridian::sctp::dcep
