#include "ice/stun_wire.hpp"

#include <algorithm>

#include <openssl/crypto.h>
#include <zlib.h>

namespace meridian::ice::wire {
namespace {

constexpr std::uint32_t kFingerprintXor = 0x5354554e;  // "STUN"
constexpr std::uint8_t kFamilyV4 = 1;
constexpr std::uint8_t kFamilyV6 = 2;

/// Magic cookie and transaction id, with which addresses are combined (section 14.2).
std::array<std::uint8_t, 16> address_mask(const TransactionId& transaction) {
  std::array<std::uint8_t, 16> mask{};
  store_u32(mask.data(), kStunMagicCookie);
  std::ranges::copy(transaction, mask.begin() + 4);
  return mask;
}

}  // namespace

std::uint32_t fingerprint_of(Bytes message) {
  const auto crc = crc32(0, message.data(), static_cast<uInt>(message.size()));
  return static_cast<std::uint32_t>(crc) ^ kFingerprintXor;
}

std::optional<SocketAddress> read_xor_address(Bytes value, const TransactionId& transaction) {
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

std::size_t write_xor_address(const SocketAddress& address, const TransactionId& transaction,
                              std::array<std::uint8_t, kMaxAddressSize>& into) {
  const Bytes octets = address.ip.bytes();
  into[0] = 0;
  into[1] = address.ip.is_v4() ? kFamilyV4 : kFamilyV6;
  store_u16(into.data() + 2, static_cast<std::uint16_t>(address.port ^ (kStunMagicCookie >> 16U)));
  const auto mask = address_mask(transaction);
  for (std::size_t i = 0; i < octets.size(); ++i) {
    into[4 + i] = octets[i] ^ mask[i];
  }
  return 4 + octets.size();
}

bool verify_integrity(Bytes datagram, std::size_t offset, const IntegrityKey& key) {
  // The length in the header counts up to the end of MESSAGE-INTEGRITY.
  std::array<std::uint8_t, kStunHeaderSize> header{};
  std::ranges::copy(datagram.first(kStunHeaderSize), header.begin());
  const std::size_t end = offset + kAttributeHeaderSize + IntegrityKey::kMacSize;
  store_u16(header.data() + kLengthOffset, static_cast<std::uint16_t>(end - kStunHeaderSize));
  const Bytes covered = datagram.first(offset).subspan(kStunHeaderSize);
  const IntegrityKey::Mac expected = key.sign(header, covered);
  return CRYPTO_memcmp(expected.data(), datagram.data() + offset + kAttributeHeaderSize,
                       expected.size()) == 0;
}

}  // namespace meridian::ice::wire
