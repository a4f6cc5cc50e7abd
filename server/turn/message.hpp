#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/expected.hpp"
#include "ice/integrity_key.hpp"
#include "ice/stun.hpp"
#include "ice/stun_wire.hpp"

/// TURN messages (RFC 8656) as this server reads and writes them.
namespace meridian::turn {

/// Section 17.
enum Method : std::uint16_t {
  kBinding = 0x001,
  kAllocate = 0x003,
  kRefresh = 0x004,
  kSend = 0x006,
  kData = 0x007,
  kCreatePermission = 0x008,
  kChannelBind = 0x009,
};

/// Section 18, and those of RFC 8489 that are used here.
enum Attribute : std::uint16_t {
  kUsername = 0x0006,
  kMessageIntegrity = ice::wire::kMessageIntegrityType,
  kErrorCode = 0x0009,
  kUnknownAttributes = 0x000a,
  kChannelNumber = 0x000c,
  kLifetime = 0x000d,
  kXorPeerAddress = 0x0012,
  kDataAttribute = 0x0013,
  kRealm = 0x0014,
  kNonce = 0x0015,
  kXorRelayedAddress = 0x0016,
  kRequestedAddressFamily = 0x0017,
  kEvenPort = 0x0018,
  kRequestedTransport = 0x0019,
  kDontFragment = 0x001a,
  kXorMappedAddress = 0x0020,
  kReservationToken = 0x0022,
  kFingerprint = ice::wire::kFingerprintType,
};

/// Error code (RFC 8489 section 14.8).
inline constexpr std::uint16_t kUnauthenticated = 401;
/// Peers that one CreatePermission may name, and unknown attributes that are told back.
inline constexpr std::size_t kMaxPeers = 8;
inline constexpr std::size_t kMaxUnknown = 8;
/// RFC 8489 sections 14.9 and 14.10: fewer than 128 characters, which may take 763 bytes. Ours are
/// short.
inline constexpr std::size_t kMaxTextSize = 128;
/// Channel numbers (section 12), which are also the first two bytes of ChannelData.
inline constexpr std::uint16_t kFirstChannel = 0x4000;
inline constexpr std::uint16_t kLastChannel = 0x4fff;
inline constexpr std::size_t kChannelHeaderSize = 4;
/// Bytes in front of a payload in a Data indication, at most.
inline constexpr std::size_t kMaxDataHeader = 48;
/// Longest message that is looked at: a datagram of 1500 bytes in a Send indication.
inline constexpr std::size_t kMaxMessageSize = 1500 + kMaxDataHeader;

enum class Family : std::uint8_t { kV4 = 1, kV6 = 2 };

/// A list of bounded length.
template <class T, std::size_t N>
struct Few {
  std::array<T, N> items{};
  std::size_t count = 0;
  /// False when it is full.
  bool add(const T& item) {
    if (count == N) {
      return false;
    }
    items[count++] = item;
    return true;
  }
  [[nodiscard]] std::span<const T> all() const { return {items.data(), count}; }
};

/// A parsed message; the views point into its bytes. Attributes behind MESSAGE-INTEGRITY are not in
/// it.
struct Message {
  ice::StunClass message_class = ice::StunClass::kRequest;
  std::uint16_t method = 0;
  ice::TransactionId transaction{};
  std::string_view username;
  std::string_view realm;
  std::string_view nonce;
  std::optional<std::uint8_t> requested_transport;
  /// The raw family: one that isn't known is answered with 440.
  std::optional<std::uint8_t> requested_family;
  std::optional<std::uint32_t> lifetime;
  std::optional<std::uint16_t> channel;
  /// EVEN-PORT, and whether it asks for the next port to be reserved.
  std::optional<bool> even_port;
  bool has_reservation = false;
  Few<SocketAddress, kMaxPeers> peers;
  std::optional<Bytes> data;
  /// Comprehension-required attributes that are unknown here, the first kMaxUnknown.
  Few<std::uint16_t, kMaxUnknown> unknown;
  Bytes bytes;
  /// Where MESSAGE-INTEGRITY starts (0: absent).
  std::size_t integrity_offset = 0;

  [[nodiscard]] bool has_integrity() const { return integrity_offset != 0; }
  /// Whether MESSAGE-INTEGRITY is there and made with this key.
  [[nodiscard]] bool verify(const ice::IntegrityKey& key) const;
};

enum class MessageError : std::uint8_t {
  kNotStun,         // no magic cookie, first bits not zero, too short or too long
  kBadLength,       // header length disagrees with the bytes or is no multiple of 4
  kBadAttribute,    // runs past the end, has a wrong size, or stands twice
  kBadFingerprint,  // present and wrong, or not last
};

/// Checks the structure; FINGERPRINT may be absent. Total: any bytes are safe. Allocates nothing.
[[nodiscard]] base::Expected<Message, MessageError> parse(Bytes bytes);

/// Bytes of a Data indication to that family in front of its payload.
[[nodiscard]] std::size_t data_indication_header(Family family);
/// Writes what stands in front of a payload of `size` bytes from `peer` (section 11.6); the payload
/// is padded to a multiple of four behind it. How many bytes.
std::size_t write_data_header(const SocketAddress& peer, const ice::TransactionId& transaction,
                              std::size_t size, std::array<std::uint8_t, kMaxDataHeader>& into);

/// Writes one message into a caller's buffer: attributes in the order of the calls, then finish().
class Writer {
 public:
  Writer(MutableBytes buffer, ice::StunClass message_class, std::uint16_t method,
         const ice::TransactionId& transaction);

  Writer& text(Attribute type, std::string_view value);
  Writer& address(Attribute type, const SocketAddress& value);
  Writer& u32(Attribute type, std::uint32_t value);
  /// A number in the first two of four bytes: CHANNEL-NUMBER.
  Writer& u16(Attribute type, std::uint16_t value);
  /// A number in the first of four bytes: REQUESTED-TRANSPORT, REQUESTED-ADDRESS-FAMILY.
  Writer& u8(Attribute type, std::uint8_t value);
  Writer& raw(std::uint16_t type, Bytes value);
  /// ERROR-CODE without words: the number says it.
  Writer& error(std::uint16_t code);
  Writer& unknown_attributes(std::span<const std::uint16_t> types);

  /// Adds MESSAGE-INTEGRITY when there is a key; the length of the message, or 0 when the buffer
  /// was too small.
  [[nodiscard]] std::size_t finish(const ice::IntegrityKey* key);

 private:
  void set_length(std::size_t behind_header);

  ByteWriter writer_;
  ice::TransactionId transaction_;
};

}  // namespace meridian::turn
