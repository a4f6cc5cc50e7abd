#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/rtp_types.hpp"
#include "base/time.hpp"
#include "forward/media_packet.hpp"
#include "forward/send_rewriter.hpp"
#include "rtp/media.hpp"

namespace meridian::forward {

/// What a subscription's packets look like on the wire.
struct SendFormat {
  Ssrc ssrc;
  PayloadType payload_type;
  rtp::ExtensionMap extensions;
  /// Of the transport, when `extensions` has kTransportSequence.
  std::optional<SequenceNumber> transport_sequence;
  /// For abs-send-time.
  Instant now;
  /// Bytes of RTP padding, the count byte included.
  std::uint8_t padding = 0;
  /// Encoded, when `extensions` has kPlayoutDelay and the room has one.
  std::optional<std::array<std::uint8_t, 3>> playout_delay = {};
};

/// Writes a packet for a subscriber: its header, the header extensions that it negotiated, the
/// payload with the codec's descriptor rewritten. Returns the length; 0 when it does not fit into
/// `out`, which must leave room for the SRTP tag.
[[nodiscard]] std::size_t compose_packet(const MediaPacket& packet, const Rewrite& rewrite,
                                         const SendFormat& format, MutableBytes out);

/// How long that would be without padding.
[[nodiscard]] std::size_t composed_size(const MediaPacket& packet, const SendFormat& format);

/// The same as a retransmission (RFC 4588): `format` has SSRC and payload type of the RTX stream,
/// `sequence` is that stream's.
[[nodiscard]] std::size_t compose_retransmission(const MediaPacket& packet, const Rewrite& rewrite,
                                                 const SendFormat& format, SequenceNumber sequence,
                                                 MutableBytes out);

/// A packet of nothing but kMostPadding bytes of padding, under `format` of an RTX stream.
inline constexpr std::uint8_t kMostPadding = 255;
[[nodiscard]] std::size_t compose_padding(const SendFormat& format, SequenceNumber sequence,
                                          RtpTimestamp timestamp, MutableBytes out);

/// Gives the blocks of a RED payload the payload type that the subscriber has for the codec inside.
void renumber_red_blocks(MutableBytes payload, PayloadType inner);

}  // namespace meridian::forward
