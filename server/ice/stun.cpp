#include "ice/stun.hpp"

#include <algorithm>
#include <cstring>

#include <openssl/crypto.h>
#include <zlib.h>

namespace meridian::ice {
namespace {

constexpr std::uint32_t kFingerprintXor = 0x5354554e;  // "STUN"
constexpr std::size_t kAttributeHeaderSize = 4;
constexpr std::size_t kFingerprintSize = 4;
constexpr std::size_t kLengthOffset = 2;

enum Attribute : std::uint16_t {
  kMappedAddress = 0x0001,
  kUsername = 0x0006,
  kMessageIntegrity = 0x0008,
  kErrorCode = 0x0009,
  kUnknownAttributes = 0x000a,
  kXorMappedAddress = 0x0020,
  kPriority = 0x0024,
  kUseCandidate = 0x0025,
  kFingerprint = 0x8028,
  kIceControlled = 0x8029,
  kIceControlling = 0x802a,
};

constexpr std::size_t padded(std::size_t size) {
  return (size + 3) & ~std::size_t{3};
}

/// RFC 8489 section 14.7, over everything in front of the attribute.
std::uint32_t fingerprint_of(Bytes message) {
  const auto crc = crc32(0, message.data(), static_cast<uInt>(message.size()));
  return static_cast<std::uint32_t>(crc) ^ kFingerprintXor;
}

/// The class bits C1 and C0 stand at bits 8 and 4 of the type (RFC 8489 section 5).
StunClass class_of(std::uint16_t type) {
  return static_cast<StunClass>(((type >> 7U) & 2U) | ((type >> 4U) & 1U));
}
std::uint16_t method_of(std::uint16_t type) {
  return static_cast<std::uint16_t>((type & 0x000fU) | ((type & 0x00e0U) >> 1U) |
                                    ((type & 0x3e00U) >> 2U));
}
std::uint16_t type_of(StunClass message_class, std::uint16_t method) {
  const auto bits = static_cast<unsigned>(message_class);
  return static_cast<std::uint16_t>((method & 0x000fU) | ((method & 0x0070U) << 1U) |
                                    ((method & 0x0f80U) << 2U) | ((bits & 2U) << 7U) |
                                    ((bits & 1U) << 4U));
}

/// Magic cookie and transaction id, with which addresses are combined (section 14.2).
std::array<std::uint8_t, 16> address_mask(const TransactionId& transaction) {
  std::array<std::uint8_t, 16> mask{};
  store_u32(mask.data(), kStunMagicCookie);
  std::ranges::copy(transaction, mask.begin() + 4);
  return mask;
}

std::optional<SocketAddress> read_xor_address(Bytes value, const TransactionId& transaction) {
  constexpr std::uint8_t kFamilyV4 = 1;
  constexpr std::uint8_t kFamilyV6 = 2;
  ByteReader reader(value);
  reader.skip(1);
  const std::uint8_t family = reader.u8();
  const auto port = static_cast<std::uint16_t>(reader.u16() ^ (kStunMagicCookie >> 16U));
  const Bytes raw = reader.rest();
  const std::size_t size = family == kFamilyV4 ? 4 : 16;
  if (reader.failed() || (family != kFamilyV4 && family != kFamilyV6) || raw.size() != size) {
    return std::nullopt;
  }
  auto octets = address_mask(transaction);
  for (std::size_t i = 0; i < size; ++i) {
    octets[i] ^= raw[i];
  }
  if (family == kFamilyV4) {
    return SocketAddress{IpAddress::v4({octets[0], octets[1], octets[2], octets[3]}), port};
  }
  return SocketAddress{IpAddress::v6(octets), port};
}

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

/// Stores into `field` once; false when it was there or `value` is absent.
template <class T>
bool set_once(std::optional<T>& field, std::optional<T> value) {
  if (field || !value) {
    return false;
  }
  field = value;
  return true;
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
  ByteReader reader(message.datagram);
  reader.skip(kStunHeaderSize);
  while (reader.remaining() > 0) {
    const std::size_t offset = reader.offset();
    const std::uint16_t type = reader.u16();
    const std::size_t size = reader.u16();
    const Bytes value = reader.bytes(padded(size)).first(reader.failed() ? 0 : size);
    if (reader.failed()) {
      return StunError::kBadAttribute;
    }
    if (type == kFingerprint) {
      if (size != kFingerprintSize) {
        return StunError::kBadAttribute;
      }
      if (reader.remaining() > 0) {
        return StunError::kNoFingerprint;
      }
      const bool is_right =
          load_u32(value.data()) == fingerprint_of(message.datagram.first(offset));
      return is_right ? std::nullopt : std::optional(StunError::kBadFingerprint);
    }
    if (message.has_integrity()) {
      continue;  // unauthenticated: RFC 8489 section 14.5
    }
    if (type == kMessageIntegrity) {
      if (size != IntegrityKey::kMacSize) {
        return StunError::kBadAttribute;
      }
      message.integrity_offset = offset;
    } else if (!take_attribute(message, type, value)) {
      return StunError::kBadAttribute;
    }
  }
  return StunError::kNoFingerprint;
}

}  // namespace

bool StunMessage::verify(const IntegrityKey& key) const {
  if (!has_integrity()) {
    return false;
  }
  // The length in the header counts up to the end of MESSAGE-INTEGRITY (section 14.5).
  std::array<std::uint8_t, kStunHeaderSize> header{};
  std::ranges::copy(datagram.first(kStunHeaderSize), header.begin());
  const std::size_t end = integrity_offset + kAttributeHeaderSize + IntegrityKey::kMacSize;
  store_u16(header.data() + kLengthOffset, static_cast<std::uint16_t>(end - kStunHeaderSize));
  const Bytes covered = datagram.first(integrity_offset).subspan(kStunHeaderSize);
  const IntegrityKey::Mac expected = key.sign(header, covered);
  return CRYPTO_memcmp(expected.data(), datagram.data() + integrity_offset + kAttributeHeaderSize,
                       expected.size()) == 0;
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
  std::array<std::uint8_t, 20> raw{};
  const Bytes octets = address.ip.bytes();
  raw[1] = address.ip.is_v4() ? 1 : 2;
  store_u16(raw.data() + 2, static_cast<std::uint16_t>(address.port ^ (kStunMagicCookie >> 16U)));
  const auto mask = address_mask(transaction_);
  for (std::size_t i = 0; i < octets.size(); ++i) {
    raw[4 + i] = octets[i] ^ mask[i];
  }
  attribute(kXorMappedAddress, Bytes(raw).first(4 + octets.size()));
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
