#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "ice/stun.hpp"

/// What all STUN messages have in common, those of TURN included (RFC 8489 sections 5 and 14).
namespace meridian::ice::wire {

inline constexpr std::size_t kAttributeHeaderSize = 4;
inline constexpr std::size_t kFingerprintSize = 4;
/// Where the header holds the length of what is behind it.
inline constexpr std::size_t kLengthOffset = 2;
/// Longest value of an XOR address: family, port and IPv6.
inline constexpr std::size_t kMaxAddressSize = 20;

/// Attributes stand at multiples of four bytes.
[[nodiscard]] constexpr std::size_t padded(std::size_t size) {
  return (size + 3) & ~std::size_t{3};
}

/// The class bits C1 and C0 stand at bits 8 and 4 of the type (section 5).
[[nodiscard]] constexpr StunClass class_of(std::uint16_t type) {
  return static_cast<StunClass>(((type >> 7U) & 2U) | ((type >> 4U) & 1U));
}
[[nodiscard]] constexpr std::uint16_t method_of(std::uint16_t type) {
  return static_cast<std::uint16_t>((type & 0x000fU) | ((type & 0x00e0U) >> 1U) |
                                    ((type & 0x3e00U) >> 2U));
}
[[nodiscard]] constexpr std::uint16_t type_of(StunClass message_class, std::uint16_t method) {
  const auto bits = static_cast<unsigned>(message_class);
  return static_cast<std::uint16_t>((method & 0x000fU) | ((method & 0x0070U) << 1U) |
                                    ((method & 0x0f80U) << 2U) | ((bits & 2U) << 7U) |
                                    ((bits & 1U) << 4U));
}

/// An attribute counts once (section 14): stores its value into `field`; false when it was there or
/// `value` is absent.
template <class T>
[[nodiscard]] bool set_once(std::optional<T>& field, std::optional<T> value) {
  if (field || !value) {
    return false;
  }
  field = value;
  return true;
}

/// Section 14.7, over everything in front of the attribute.
[[nodiscard]] std::uint32_t fingerprint_of(Bytes message);

/// How the attributes of a message ended.
enum class AttributesEnd : std::uint8_t {
  kWithoutFingerprint,
  kFingerprint,  // the last one, and right
  kBadAttribute,
  kBadFingerprintSize,
  kFingerprintNotLast,
  kWrongFingerprint,
};

inline constexpr std::uint16_t kMessageIntegrityType = 0x0008;
inline constexpr std::uint16_t kFingerprintType = 0x8028;

/// Walks the attributes behind the header of `message` up to FINGERPRINT. Those in front of
/// MESSAGE-INTEGRITY go to `take(type, value)`, which says whether they are well-formed; what
/// follows it is unauthenticated and left out (section 14.5). `integrity_offset` becomes that of
/// MESSAGE-INTEGRITY, and stays 0 without.
template <class Take>
[[nodiscard]] AttributesEnd read_attributes(Bytes message, std::size_t& integrity_offset,
                                            Take&& take) {
  ByteReader reader(message);
  reader.skip(kStunHeaderSize);
  while (reader.remaining() > 0) {
    const std::size_t offset = reader.offset();
    const std::uint16_t type = reader.u16();
    const std::size_t size = reader.u16();
    const Bytes value = reader.bytes(padded(size)).first(reader.failed() ? 0 : size);
    if (reader.failed()) {
      return AttributesEnd::kBadAttribute;
    }
    if (type == kFingerprintType) {
      if (size != kFingerprintSize) {
        return AttributesEnd::kBadFingerprintSize;
      }
      if (reader.remaining() > 0) {
        return AttributesEnd::kFingerprintNotLast;
      }
      return load_u32(value.data()) == fingerprint_of(message.first(offset))
                 ? AttributesEnd::kFingerprint
                 : AttributesEnd::kWrongFingerprint;
    }
    if (integrity_offset != 0) {
      continue;
    }
    if (type == kMessageIntegrityType) {
      if (size != IntegrityKey::kMacSize) {
        return AttributesEnd::kBadAttribute;
      }
      integrity_offset = offset;
    } else if (!take(type, value)) {
      return AttributesEnd::kBadAttribute;
    }
  }
  return AttributesEnd::kWithoutFingerprint;
}

/// The value of an XOR address attribute (section 14.2); nothing when it is malformed.
[[nodiscard]] std::optional<SocketAddress> read_xor_address(Bytes value,
                                                            const TransactionId& transaction);
/// Writes one into `into`; its size, 8 or 20.
std::size_t write_xor_address(const SocketAddress& address, const TransactionId& transaction,
                              std::array<std::uint8_t, kMaxAddressSize>& into);

/// Whether the MESSAGE-INTEGRITY attribute at `offset` of the datagram was made with this key
/// (section 14.5); compares in constant time. It is known to lie within the datagram.
[[nodiscard]] bool verify_integrity(Bytes datagram, std::size_t offset, const IntegrityKey& key);

}  // namespace meridian::ice::wire
