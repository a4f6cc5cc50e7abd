#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/expected.hpp"
#include "base/rtp_types.hpp"

namespace meridian::rtp {

/// What a datagram is, by its first byte or two (RFC 7983 section 7, RFC 5761 section 4).
enum class PacketKind : std::uint8_t { kUnknown, kStun, kDtls, kTurn, kRtp, kRtcp };

/// Total: every input has a kind; an empty datagram, and one of a single byte that would have to be
/// RTP or RTCP, is kUnknown.
[[nodiscard]] constexpr PacketKind classify(Bytes datagram);

/// True when the second byte lies in 192..223, the packet types of RTCP (RFC 5761 section 4), and
/// the version is 2.
[[nodiscard]] constexpr bool is_rtcp(Bytes datagram) {
  return datagram.size() >= 2 && datagram[0] >> 6U == 2 && datagram[1] >= 192 && datagram[1] <= 223;
}

constexpr PacketKind classify(Bytes datagram) {
  if (datagram.empty()) {
    return PacketKind::kUnknown;
  }
  const std::uint8_t first = datagram[0];
  if (first <= 3) {
    return PacketKind::kStun;
  }
  if (first >= 20 && first <= 63) {
    return PacketKind::kDtls;
  }
  if (first >= 64 && first <= 79) {
    return PacketKind::kTurn;
  }
  if (first >> 6U == 2 && datagram.size() >= 2) {
    return is_rtcp(datagram) ? PacketKind::kRtcp : PacketKind::kRtp;
  }
  return PacketKind::kUnknown;
}

/// Why a packet is not RTP that Meridian forwards.
enum class ParseError : std::uint8_t {
  kTooShort,              // less than the fixed header of 12 bytes
  kTooLong,               // more than a UDP datagram can hold
  kBadVersion,            // not version 2
  kCsrcPastEnd,           // the CSRC list does not fit
  kExtensionPastEnd,      // the extension block does not fit
  kExtensionItemPastEnd,  // an element of the block does not fit into the block
  kTooManyExtensions,     // more than PacketView::kMaxExtensions different ids
  kBadPadding,            // padding of 0 bytes, or of more than the payload
};

/// What a block of header extensions begins with (RFC 8285 sections 4.2 and 4.3): the profile,
/// whose low four bits are the application's in the two-byte form, and the length; in bytes.
inline constexpr std::uint16_t kOneByteProfile = 0xbede;
inline constexpr std::uint16_t kTwoByteProfile = 0x1000;
inline constexpr std::size_t kBlockHeaderSize = 4;

enum class Marker : std::uint8_t { kClear, kSet };

/// A read-only view of one RTP packet (RFC 3550 section 5.1, RFC 8285). It keeps no copy: the bytes
/// must outlive it. Parsing neither allocates nor throws.
class PacketView {
 public:
  static constexpr std::size_t kFixedHeaderSize = 12;
  static constexpr std::size_t kMaxSize = 65535;
  static constexpr std::size_t kMaxExtensions = 16;

  struct ExtensionItem {
    std::uint8_t id = 0;
    Bytes value;
  };

  /// Checks every length once; the accessors then cannot fail. A block that is neither of the
  /// one-byte nor of the two-byte form is skipped, and has no elements. Of two elements with one id
  /// the first counts.
  [[nodiscard]] static base::Expected<PacketView, ParseError> parse(Bytes packet);

  [[nodiscard]] bool marker() const { return (data()[1] & 0x80U) != 0; }
  [[nodiscard]] PayloadType payload_type() const { return PayloadType(data()[1] & 0x7fU); }
  [[nodiscard]] SequenceNumber sequence() const { return SequenceNumber(load_u16(data() + 2)); }
  [[nodiscard]] RtpTimestamp timestamp() const { return RtpTimestamp(load_u32(data() + 4)); }
  [[nodiscard]] Ssrc ssrc() const { return Ssrc(load_u32(data() + 8)); }

  [[nodiscard]] std::size_t csrc_count() const { return data()[0] & 0x0fU; }
  /// `index` < csrc_count().
  [[nodiscard]] Ssrc csrc(std::size_t index) const {
    return Ssrc(load_u32(data() + kFixedHeaderSize + 4 * index));
  }

  /// Fixed header, CSRC list and extension block.
  [[nodiscard]] std::size_t header_size() const { return header_size_; }
  /// Bytes of padding at the end, with the count byte; 0 without.
  [[nodiscard]] std::size_t padding_size() const { return padding_size_; }
  /// Without padding. Empty in a packet that is padding only.
  [[nodiscard]] Bytes payload() const {
    return bytes_.subspan(header_size_, bytes_.size() - header_size_ - padding_size_);
  }
  /// The whole packet.
  [[nodiscard]] Bytes bytes() const { return bytes_; }

  /// The value of the element with this id. Empty when there is none; see has_extension() for the
  /// elements of zero length that the two-byte form allows.
  [[nodiscard]] Bytes extension(std::uint8_t id) const;
  [[nodiscard]] bool has_extension(std::uint8_t id) const { return find(id) != nullptr; }
  [[nodiscard]] std::size_t extension_count() const { return extension_count_; }
  /// In the order of the packet; `index` < extension_count().
  [[nodiscard]] ExtensionItem extension_at(std::size_t index) const;

 protected:
  struct Element {
    std::uint8_t id;
    std::uint8_t size;
    std::uint16_t offset;
  };
  PacketView() = default;
  [[nodiscard]] const std::uint8_t* data() const { return bytes_.data(); }
  [[nodiscard]] const Element* find(std::uint8_t id) const;

 private:
  base::Expected<void, ParseError> parse_extension_block(std::size_t offset);
  base::Expected<void, ParseError> parse_one_byte(std::size_t begin, std::size_t end);
  base::Expected<void, ParseError> parse_two_byte(std::size_t begin, std::size_t end);
  base::Expected<void, ParseError> add(std::uint8_t id, std::size_t offset, std::size_t size,
                                       std::size_t end);

  Bytes bytes_;
  std::uint16_t header_size_ = 0;
  std::uint8_t padding_size_ = 0;
  std::uint8_t extension_count_ = 0;
  std::array<Element, kMaxExtensions> elements_{};
};

/// The same over bytes that may change in place, sizes excepted.
class MutablePacketView : public PacketView {
 public:
  [[nodiscard]] static base::Expected<MutablePacketView, ParseError> parse(MutableBytes packet);

  void set_marker(Marker marker);
  /// `payload_type` <= 127.
  void set_payload_type(PayloadType payload_type);
  void set_sequence(SequenceNumber sequence) { store_u16(writable_ + 2, sequence.value()); }
  void set_timestamp(RtpTimestamp timestamp) { store_u32(writable_ + 4, timestamp.value()); }
  void set_ssrc(Ssrc ssrc) { store_u32(writable_ + 8, ssrc.value()); }

  /// As payload(), writable.
  [[nodiscard]] MutableBytes mutable_payload() const {
    return {writable_ + header_size(), payload().size()};
  }
  /// As extension(), writable.
  [[nodiscard]] MutableBytes mutable_extension(std::uint8_t id) const;

 private:
  MutablePacketView(const PacketView& view, std::uint8_t* writable)
      : PacketView(view), writable_(writable) {}
  std::uint8_t* writable_;
};

}  // namespace meridian::rtp
