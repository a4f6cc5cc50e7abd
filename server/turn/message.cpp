#include "turn/message.hpp"

#include <algorithm>

namespace meridian::turn {
namespace {

using ice::kStunHeaderSize;
using ice::wire::kAttributeHeaderSize;
using ice::wire::kLengthOffset;
using ice::wire::padded;
using ice::wire::set_once;

constexpr std::uint16_t kFirstOptional = 0x8000;

/// A number in the first bytes of a value of four.
template <class T>
std::optional<T> read_number(Bytes value) {
  if (value.size() != 4) {
    return std::nullopt;
  }
  return static_cast<T>(load_u32(value.data()) >> (8 * (4 - sizeof(T))));
}

bool take_text(std::string_view& field, Bytes value) {
  if (!field.empty() || value.empty() || value.size() > kMaxTextSize) {
    return false;
  }
  field = as_text(value);
  return true;
}

bool take_even_port(Message& message, Bytes value) {
  if (value.size() != 1) {
    return false;
  }
  return set_once(message.even_port, std::optional((value[0] & 0x80U) != 0));
}

bool take_peer(Message& message, Bytes value) {
  const auto peer = ice::wire::read_xor_address(value, message.transaction);
  return peer && message.peers.add(*peer);
}

/// One attribute in front of MESSAGE-INTEGRITY; false when it is malformed.
bool take_attribute(Message& message, std::uint16_t type, Bytes value) {
  switch (type) {
    case kUsername:
      return take_text(message.username, value);
    case kRealm:
      return take_text(message.realm, value);
    case kNonce:
      return take_text(message.nonce, value);
    case kRequestedTransport:
      return set_once(message.requested_transport, read_number<std::uint8_t>(value));
    case kRequestedAddressFamily:
      return set_once(message.requested_family, read_number<std::uint8_t>(value));
    case kLifetime:
      return set_once(message.lifetime, read_number<std::uint32_t>(value));
    case kChannelNumber:
      return set_once(message.channel, read_number<std::uint16_t>(value));
    case kEvenPort:
      return take_even_port(message, value);
    case kReservationToken:
      message.has_reservation = true;
      return value.size() == 8;
    case kDontFragment:
      return value.empty();  // nothing is fragmented between here and this node
    case kXorPeerAddress:
      return take_peer(message, value);
    case kDataAttribute:
      return set_once(message.data, std::optional(value));
    default:
      if (type < kFirstOptional) {
        (void)message.unknown.add(type);
      }
      return true;
  }
}

/// All attributes; FINGERPRINT, if there, last and right.
std::optional<MessageError> read_attributes(Message& message) {
  using End = ice::wire::AttributesEnd;
  const auto take = [&](std::uint16_t type, Bytes value) {
    return take_attribute(message, type, value);
  };
  switch (ice::wire::read_attributes(message.bytes, message.integrity_offset, take)) {
    case End::kWithoutFingerprint:
    case End::kFingerprint:
      return std::nullopt;
    case End::kBadAttribute:
      return MessageError::kBadAttribute;
    case End::kBadFingerprintSize:
    case End::kFingerprintNotLast:
    case End::kWrongFingerprint:
      return MessageError::kBadFingerprint;
  }
  return MessageError::kBadAttribute;
}

}  // namespace

bool Message::verify(const ice::IntegrityKey& key) const {
  return has_integrity() && ice::wire::verify_integrity(bytes, integrity_offset, key);
}

base::Expected<Message, MessageError> parse(Bytes bytes) {
  if (bytes.size() < kStunHeaderSize || bytes.size() > kMaxMessageSize || (bytes[0] & 0xc0U) != 0 ||
      load_u32(bytes.data() + 4) != ice::kStunMagicCookie) {
    return std::unexpected(MessageError::kNotStun);
  }
  const std::size_t length = load_u16(bytes.data() + kLengthOffset);
  if (length % 4 != 0 || length != bytes.size() - kStunHeaderSize) {
    return std::unexpected(MessageError::kBadLength);
  }
  Message message;
  const std::uint16_t type = load_u16(bytes.data());
  message.message_class = ice::wire::class_of(type);
  message.method = ice::wire::method_of(type);
  std::ranges::copy(bytes.subspan(8, message.transaction.size()), message.transaction.begin());
  message.bytes = bytes;
  if (const auto error = read_attributes(message)) {
    return std::unexpected(*error);
  }
  return message;
}

std::size_t data_indication_header(Family family) {
  return kStunHeaderSize + 2 * kAttributeHeaderSize + 4 + (family == Family::kV4 ? 4 : 16);
}

std::size_t write_data_header(const SocketAddress& peer, const ice::TransactionId& transaction,
                              std::size_t size, std::array<std::uint8_t, kMaxDataHeader>& into) {
  ByteWriter writer(into);
  const std::size_t header = data_indication_header(peer.ip.is_v4() ? Family::kV4 : Family::kV6);
  writer.u16(ice::wire::type_of(ice::StunClass::kIndication, kData));
  writer.u16(static_cast<std::uint16_t>(header - kStunHeaderSize + padded(size)));
  writer.u32(ice::kStunMagicCookie);
  writer.bytes(transaction);
  std::array<std::uint8_t, ice::wire::kMaxAddressSize> raw{};
  const std::size_t address = ice::wire::write_xor_address(peer, transaction, raw);
  writer.u16(kXorPeerAddress);
  writer.u16(static_cast<std::uint16_t>(address));
  writer.bytes(Bytes(raw).first(address));
  writer.u16(kDataAttribute);
  writer.u16(static_cast<std::uint16_t>(size));
  return writer.size();
}

Writer::Writer(MutableBytes buffer, ice::StunClass message_class, std::uint16_t method,
               const ice::TransactionId& transaction)
    : writer_(buffer), transaction_(transaction) {
  writer_.u16(ice::wire::type_of(message_class, method));
  writer_.u16(0);
  writer_.u32(ice::kStunMagicCookie);
  writer_.bytes(transaction);
}

Writer& Writer::raw(std::uint16_t type, Bytes value) {
  writer_.u16(type);
  writer_.u16(static_cast<std::uint16_t>(value.size()));
  writer_.bytes(value);
  writer_.fill(padded(value.size()) - value.size(), 0);
  return *this;
}

Writer& Writer::text(Attribute type, std::string_view value) {
  return raw(type, as_bytes(value));
}

Writer& Writer::address(Attribute type, const SocketAddress& value) {
  std::array<std::uint8_t, ice::wire::kMaxAddressSize> bytes{};
  const std::size_t size = ice::wire::write_xor_address(value, transaction_, bytes);
  return raw(type, Bytes(bytes).first(size));
}

Writer& Writer::u32(Attribute type, std::uint32_t value) {
  std::array<std::uint8_t, 4> bytes{};
  store_u32(bytes.data(), value);
  return raw(type, bytes);
}

Writer& Writer::u16(Attribute type, std::uint16_t value) {
  return u32(type, static_cast<std::uint32_t>(value) << 16U);
}

Writer& Writer::u8(Attribute type, std::uint8_t value) {
  return u32(type, static_cast<std::uint32_t>(value) << 24U);
}

Writer& Writer::error(std::uint16_t code) {
  return u32(kErrorCode, static_cast<std::uint32_t>(code / 100) << 8U | code % 100U);
}

Writer& Writer::unknown_attributes(std::span<const std::uint16_t> types) {
  std::array<std::uint8_t, 2 * kMaxUnknown> bytes{};
  const std::size_t count = std::min(types.size(), kMaxUnknown);
  for (std::size_t i = 0; i < count; ++i) {
    store_u16(bytes.data() + 2 * i, types[i]);
  }
  return raw(kUnknownAttributes, Bytes(bytes).first(2 * count));
}

void Writer::set_length(std::size_t behind_header) {
  if (!writer_.failed()) {
    store_u16(writer_.written().data() + kLengthOffset, static_cast<std::uint16_t>(behind_header));
  }
}

std::size_t Writer::finish(const ice::IntegrityKey* key) {
  if (key != nullptr) {
    set_length(writer_.size() - kStunHeaderSize + kAttributeHeaderSize +
               ice::IntegrityKey::kMacSize);
    if (writer_.failed()) {
      return 0;
    }
    raw(kMessageIntegrity, key->sign(writer_.written(), {}));
  }
  set_length(writer_.size() - kStunHeaderSize);
  return writer_.failed() ? 0 : writer_.size();
}

}  // namespace meridian::turn
