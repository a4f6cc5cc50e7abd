#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/expected.hpp"
#include "ice/integrity_key.hpp"

/// STUN messages as ICE uses them (RFC 8489, RFC 8445 section 7.1).
namespace meridian::ice {

inline constexpr std::uint32_t kStunMagicCookie = 0x2112a442;
inline constexpr std::size_t kStunHeaderSize = 20;
/// Longest message that is looked at; real checks stay below 200 bytes.
inline constexpr std::size_t kMaxStunSize = 1500;
/// RFC 8489 section 14.3; RFC 8445 allows fragments of 256 on each side of the colon.
inline constexpr std::size_t kMaxUsernameSize = 513;
inline constexpr std::uint16_t kStunBinding = 0x001;

enum class StunClass : std::uint8_t { kRequest, kIndication, kSuccess, kError };

enum class StunError : std::uint8_t {
  kNotStun,        // too short, no magic cookie, first bits not zero
  kBadLength,      // header length disagrees with the datagram or is no multiple of 4
  kBadAttribute,   // an attribute runs past the end, has a wrong size, or stands twice
  kNoFingerprint,  // FINGERPRINT absent or not last
  kBadFingerprint,
};

using TransactionId = std::array<std::uint8_t, 12>;

/// A parsed message; the views point into the datagram. Attributes behind MESSAGE-INTEGRITY are not
/// in it, except FINGERPRINT, which was already verified.
struct StunMessage {
  StunClass message_class = StunClass::kRequest;
  std::uint16_t method = 0;
  TransactionId transaction{};
  std::string_view username;
  std::optional<std::uint32_t> priority;
  bool use_candidate = false;
  std::optional<std::uint64_t> ice_controlling;
  std::optional<std::uint64_t> ice_controlled;
  std::optional<SocketAddress> xor_mapped_address;
  std::optional<std::uint16_t> error_code;
  /// A comprehension-required attribute that is unknown here stands before MESSAGE-INTEGRITY.
  bool has_unknown_required = false;
  /// The whole datagram, and where MESSAGE-INTEGRITY's attribute starts in it (0: absent).
  Bytes datagram;
  std::size_t integrity_offset = 0;

  [[nodiscard]] bool has_integrity() const { return integrity_offset != 0; }
  /// Whether MESSAGE-INTEGRITY is there and made with this key; compares in constant time.
  [[nodiscard]] bool verify(const IntegrityKey& key) const;
};

/// Checks structure and FINGERPRINT. Total: any bytes are safe. Allocates nothing.
[[nodiscard]] base::Expected<StunMessage, StunError> parse_stun(Bytes datagram);

/// Writes one message into a caller's buffer: attributes in the order of the calls, then finish().
class StunBuilder {
 public:
  StunBuilder(MutableBytes buffer, StunClass message_class, const TransactionId& transaction);

  StunBuilder& username(std::string_view value);
  StunBuilder& priority(std::uint32_t value);
  StunBuilder& use_candidate();
  StunBuilder& ice_controlling(std::uint64_t tie_breaker);
  StunBuilder& xor_mapped_address(const SocketAddress& address);
  StunBuilder& error_code(std::uint16_t code, std::string_view reason);
  /// Adds MESSAGE-INTEGRITY and FINGERPRINT; the length of the message, or 0 when the buffer was
  /// too small.
  [[nodiscard]] std::size_t finish(const IntegrityKey& key);

 private:
  void attribute(std::uint16_t type, Bytes value);
  void set_length(std::size_t behind_header);

  ByteWriter writer_;
  TransactionId transaction_;
};

}  // namespace meridian::ice
