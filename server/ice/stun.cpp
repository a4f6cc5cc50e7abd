#include "ice/stun.hpp"

#include <algorithm>

#include "ice/stun_wire.hpp"

namespace meridian::ice {
namespace {

using wire::class_of;
using wire::fingerprint_of;
using wire::kAttributeHeaderSize;
using wire::kFingerprintSize;
using wire::kLengthOffset;
using wire::method_of;
using wire::padded;
using wire::read_xor_address;
using wire::set_once;
using wire::type_of;

enum Attribute : std::uint16_t {
  kMappedAddress = 0x0001,
  kUsername = 0x0006,
  kMessageIntegrity = wire::kMessageIntegrityType,
  kErrorCode = 0x0009,
  kUnknownAttributes = 0x000a,
  kXorMappedAddress = 0x0020,
  kPriority = 0x0024,
  kUseCandidate = 0x0025,
  kFingerprint = wire::kFingerprintType,
  kIceControlled = 0x8029,
  kIceControlling = 0x802a,
};

std::optional<std::uint16_t> read_error_code(Bytes value) {
  ByteReader reader(value);
  reader.skip(2);
  const unsigned hundreds = reader.u8() & 7U;
  const unsigned number = reader.u8();
  if (reader.failed() || hundreds < 3 || hundreds > 6 || number > 99) {
    return std::nullopt;
  }
  return static_cast<std::uint16_t>(hundreds * 100 + number);
}

template <class T>
std::optional<T> read_integer(Bytes value) {
  if (value.size() != sizeof(T)) {
    return std::nullopt;
  }
  ByteReader reader(value);
  return static_cast<T>(sizeof(T) == 8 ? reader.u64() : reader.u32());
}

/// One attribute in front of MESSAGE-INTEGRITY; false when it is malformed.
bool take_attribute(StunMessage& message, std::uint16_t type, Bytes value) {
  switch (type) {
    case kUsername:
      if (!message.username.empty() || value.empty() || value.size() > kMaxUsernameSize) {
        return false;
      }
      message.username = as_text(value);
      return true;
    case kPriority:
      return set_once(message.priority, read_integer<std::uint32_t>(value));
    case kUseCandidate:
      message.use_candidate = true;
      return value.empty();
    case kIceControlled:
      return set_once(message.ice_controlled, read_integer<std::uint64_t>(value));
    case kIceControlling:
      return set_once(message.ice_controlling, read_integer<std::uint64_t>(value));
    case kXorMappedAddress:
      return set_once(message.xor_mapped_address, read_xor_address(value, message.transaction));
    case kErrorCode:
      return set_once(message.error_code, read_error_code(value));
    case kMappedAddress:
    case kUnknownAttributes:
      return true;
    default:
      message.has_unknown_required |= type < 0x8000U;
      return true;
  }
}

/// All attributes, FINGERPRINT last and right.
std::optional<StunError> read_attributes(StunMessage& message) {
  using End = wire::AttributesEnd;
  const auto take = [&](std::uint16_t type, Bytes value) {
    return take_attribute(message, type, value);
  };
  switch (wire::read_attributes(message.datagram, message.integrity_offset, take)) {
    case End::kFingerprint:
      return std::nullopt;
    case End::kBadAttribute:
    case End::kBadFingerprintSize:
      return StunError::kBadAttribute;
    case End::kWithoutFingerprint:
    case End::kFingerprintNotLast:
      return StunError::kNoFingerprint;
    case End::kWrongFingerprint:
      return StunError::kBadFingerprint;
  }
  return StunError::kBadAttribute;
}

}  // namespace

bool StunMessage::verify(const IntegrityKey& key) const {
  return has_integrity() && wire::verify_integrity(datagram, integrity_offset, key);
}

base::Expected<StunMessage, StunError> parse_stun(Bytes datagram) {
  if (datagram.size() < kStunHeaderSize || datagram.size() > kMaxStunSize ||
      (datagram[0] & 0xc0U) != 0 || load_u32(datagram.data() + 4) != kStunMagicCookie) {
    return std::unexpected(StunError::kNotStun);
  }
  const std::size_t length = load_u16(datagram.data() + kLengthOffset);
  if (length % 4 != 0 || length != datagram.size() - kStunHeaderSize) {
    return std::unexpected(StunError::kBadLength);
  }
  StunMessage message;
  const std::uint16_t type = load_u16(datagram.data());
  message.message_class = class_of(type);
  message.method = method_of(type);
  std::ranges::copy(datagram.subspan(8, message.transaction.size()), message.transaction.begin());
  message.datagram = datagram;
  if (const auto error = read_attributes(message)) {
    return std::unexpected(*error);
  }
  return message;
}

StunBuilder::StunBuilder(MutableBytes buffer, StunClass message_class,
                         const TransactionId& transaction)
    : writer_(buffer), transaction_(transaction) {
  writer_.u16(type_of(message_class, kStunBinding));
  writer_.u16(0);
  writer_.u32(kStunMagicCookie);
  writer_.bytes(transaction);
}

void StunBuilder::attribute(std::uint16_t type, Bytes value) {
  writer_.u16(type);
  writer_.u16(static_cast<std::uint16_t>(value.size()));
  writer_.bytes(value);
  writer_.fill(padded(value.size()) - value.size(), 0);
}

void StunBuilder::set_length(std::size_t behind_header) {
  if (!writer_.failed()) {
    store_u16(writer_.written().data() + kLengthOffset, static_cast<std::uint16_t>(behind_header));
  }
}

StunBuilder& StunBuilder::username(std::string_view value) {
  attribute(kUsername, as_bytes(value));
  return *this;
}

StunBuilder& StunBuilder::priority(std::uint32_t value) {
  std::array<std::uint8_t, 4> raw{};
  store_u32(raw.data(), value);
  attribute(kPriority, raw);
  return *this;
}

StunBuilder& StunBuilder::use_candidate() {
  attribute(kUseCandidate, {});
  return *this;
}

StunBuilder& StunBuilder::ice_controlling(std::uint64_t tie_breaker) {
  std::array<std::uint8_t, 8> raw{};
  store_u32(raw.data(), static_cast<std::uint32_t>(tie_breaker >> 32U));
  store_u32(raw.data() + 4, static_cast<std::uint32_t>(tie_breaker));
  attribute(kIceControlling, raw);
  return *this;
}

StunBuilder& StunBuilder::xor_mapped_address(const SocketAddress& address) {
  std::array<std::uint8_t, wire::kMaxAddressSize> raw{};
  const std::size_t size = wire::write_xor_address(address, transaction_, raw);
  attribute(kXorMappedAddress, Bytes(raw).first(size));
  return *this;
}

StunBuilder& StunBuilder::error_code(std::uint16_t code, std::string_view reason) {
  constexpr std::size_t kMaxReason = 128;
  std::array<std::uint8_t, 4 + kMaxReason> raw{};
  raw[2] = static_cast<std::uint8_t>(code / 100);
  raw[3] = static_cast<std::uint8_t>(code % 100);
  reason = reason.substr(0, kMaxReason);
  std::ranges::copy(as_bytes(reason), raw.begin() + 4);
  attribute(kErrorCode, Bytes(raw).first(4 + reason.size()));
  return *this;
}

std::size_t StunBuilder::finish(const IntegrityKey& key) {
  set_length(writer_.size() - kStunHeaderSize + kAttributeHeaderSize + IntegrityKey::kMacSize);
  if (writer_.failed()) {
    return 0;
  }
  attribute(kMessageIntegrity, key.sign(writer_.written(), {}));
  set_length(writer_.size() - kStunHeaderSize + kAttributeHeaderSize + kFingerprintSize);
  std::array<std::uint8_t, kFingerprintSize> crc{};
  store_u32(crc.data(), fingerprint_of(writer_.written()));
  attribute(kFingerprint, crc);
  return writer_.failed() ? 0 : writer_.size();
}

}  // namespace meridian::ice
