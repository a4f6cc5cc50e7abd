#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/rtp_types.hpp"
#include "rtp/packet.hpp"

namespace meridian::rtp {

/// The fields of the fixed header that a sender chooses.
struct PacketHeader {
  Ssrc ssrc;
  SequenceNumber sequence;
  RtpTimestamp timestamp;
  PayloadType payload_type;  // <= 127
  Marker marker = Marker::kClear;
};

/// The header extensions of one outgoing packet, on the stack. Not copyable: it points into itself.
class ExtensionList {
 public:
  static constexpr std::size_t kMaxItems = PacketView::kMaxExtensions;
  static constexpr std::size_t kMaxValueSize = 255;
  /// Room for values that the list keeps itself: one dependency descriptor and the small ones.
  static constexpr std::size_t kScratchSize = 384;

  ExtensionList() = default;
  ExtensionList(const ExtensionList&) = delete;
  ExtensionList& operator=(const ExtensionList&) = delete;

  /// Adds an element whose bytes stay the caller's until the packet is written. Adds nothing for id
  /// 0, so that ExtensionMap::id() of what is not negotiated can be passed on. False when nothing
  /// was added: id 0, the id is there already, value too long, or list full.
  bool add(std::uint8_t id, Bytes value);
  /// The same with a copy of `value`, e.g. of a temporary of extensions.hpp.
  bool add_copy(std::uint8_t id, Bytes value);
  /// Room for a value of at most `max_size` bytes that the caller fills before commit(). Empty when
  /// there is not so much.
  [[nodiscard]] MutableBytes scratch(std::size_t max_size);
  /// Adds the first `size` bytes of the last scratch() as the value of `id`.
  bool commit(std::uint8_t id, std::size_t size);

  [[nodiscard]] bool empty() const { return size_ == 0; }
  /// Bytes of the block with its 4-byte header and alignment; 0 when empty.
  [[nodiscard]] std::size_t block_size() const;
  /// Two-byte elements (RFC 8285 section 4.3) are needed for ids over 14 and for values of 0 or
  /// more than 16 bytes. The peer must have agreed to a=extmap-allow-mixed, as browsers do.
  [[nodiscard]] bool needs_two_byte_form() const;
  /// Writes block_size() bytes; `out` has exactly that size.
  void write(MutableBytes out) const;

 private:
  struct Item {
    std::uint8_t id;
    Bytes value;
  };
  [[nodiscard]] bool can_add(std::uint8_t id, std::size_t size) const;

  std::array<Item, kMaxItems> items_;
  std::size_t size_ = 0;
  std::size_t scratch_used_ = 0;
  std::array<std::uint8_t, kScratchSize> scratch_;
};

/// What follows the header. `prefix` and `payload` are written one after the other, so that a
/// retransmission (RFC 4588: original sequence number) or a codec descriptor of another size costs
/// no copy of its own.
struct PacketBody {
  Bytes prefix;
  Bytes payload;
  /// Bytes of padding with the count byte; 0 for none.
  std::uint8_t padding = 0;
};

/// Bytes that write_packet() needs.
[[nodiscard]] std::size_t packet_size(const ExtensionList& extensions, const PacketBody& body);

/// Writes a packet (without CSRCs) to the start of `buffer`, and copies each byte once. `buffer`
/// must not overlap the body or the extension values. Returns the written bytes, empty when
/// `buffer` is smaller than packet_size().
[[nodiscard]] MutableBytes write_packet(MutableBytes buffer, const PacketHeader& header,
                                        const ExtensionList& extensions, const PacketBody& body);

}  // namespace meridian::rtp
