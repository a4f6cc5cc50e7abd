#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/rtp_types.hpp"
#include "base/spsc_ring.hpp"
#include "base/time.hpp"
#include "rtp/media.hpp"

/// What passes between two shards. In one process a frame is copied once into a ring with one
/// producer and one consumer; media goes one way, wishes the other way through the opposite ring.
namespace meridian::forward {

enum class RelayFrame : std::uint8_t {
  kMedia,            // a packet of a layer
  kClock,            // the publisher's sender report for a layer: NTP and RTP time
  kRates,            // what each layer costs: LayerRates::Table in `bytes`; twice a second
  kWant,             // sink -> source: the whole set of `layers` wanted; repeated each second
  kKeyFrameRequest,  // sink -> source, for `layer`
};

/// One frame. `bytes` holds a plaintext RTP packet whose header extensions have the ids of
/// relay_extensions(), RTX and transport-wide extensions removed.
struct RelaySlot {
  static constexpr std::size_t kMaxPacket = 1600;

  RelayFrame type = RelayFrame::kMedia;
  std::uint8_t layer = 0;
  /// kWant: bit i = layer i, or what is nearest to it among those that the publisher sends.
  std::uint8_t layers = 0;
  /// Simulcast layers that the publication has.
  std::uint8_t layer_count = 1;
  rtp::Codec codec = rtp::Codec::kUnknown;
  std::uint16_t length = 0;
  /// As MediaPacket::generation.
  std::uint32_t generation = 0;
  /// RTP clock of the layer, in Hz.
  std::uint32_t clock_rate = 0;
  /// As the receiver of the frame calls it, and, in what goes to the source, as the sink does: a
  /// publication may have several on one worker, in several rooms.
  PublicationId publication;
  PublicationId sink;
  /// Of the sender's permit; the receiving end drops what is older than its own.
  PolicyEpoch epoch;
  ExtendedSequence sequence;
  /// When the source's kernel received it.
  Instant arrival;
  /// kClock: the publisher's NTP time (64-bit) and the RTP time it stands for.
  std::uint64_t ntp = 0;
  RtpTimestamp rtp_time;
  std::array<std::uint8_t, kMaxPacket> bytes;

  [[nodiscard]] Bytes packet() const { return Bytes(bytes).first(length); }
};

using RelayRing = base::SpscRing<RelaySlot>;

/// The fixed extension ids inside relay frames, the same on every node.
[[nodiscard]] rtp::ExtensionMap relay_extensions();

}  // namespace meridian::forward
