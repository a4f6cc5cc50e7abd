#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "forward/frame_reader.hpp"
#include "forward/media_packet.hpp"
#include "forward/relay.hpp"
#include "metrics/transit.hpp"
#include "residency/permit.hpp"

namespace meridian::forward {

/// Receiving end of a relay for one publication: reads what the source copied into the ring, and
/// keeps telling it which layers are wanted here.
class RelaySink {
 public:
  /// What is wanted is repeated, since a full ring drops frames; often until media comes, as the
  /// two ends are opened independently of each other.
  static constexpr Duration kRepeat = 1s;
  static constexpr Duration kFirstRepeat = 100ms;

  RelaySink(WorkerIndex from, PublicationId source, residency::Permit<residency::RelayLeg> permit)
      : from_(from), source_(source), permit_(std::move(permit)) {}

  [[nodiscard]] WorkerIndex from() const { return from_; }
  /// What `from` calls the publication.
  [[nodiscard]] PublicationId source() const { return source_; }
  [[nodiscard]] const residency::Permit<residency::RelayLeg>& permit() const { return permit_; }
  void narrow(residency::LevelNames levels) { permit_.narrow(std::move(levels)); }

  /// What was taken out of the ring since the last report.
  [[nodiscard]] metrics::TransitCounts& transit() { return transit_; }

  /// A kMedia frame as a packet, with views into the frame; nothing when it makes no sense.
  [[nodiscard]] std::optional<MediaPacket> read(const RelaySlot& slot);

  /// The wish to send now, when `wanted` changed or is to be repeated.
  [[nodiscard]] std::optional<std::uint8_t> poll_want(std::uint8_t wanted, Instant now);

 private:
  WorkerIndex from_;
  PublicationId source_;
  residency::Permit<residency::RelayLeg> permit_;
  const rtp::ExtensionMap map_ = relay_extensions();
  metrics::TransitCounts transit_;
  std::array<FrameReader, kMaxLayers> readers_;
  std::array<std::uint32_t, kMaxLayers> generations_{};
  std::uint8_t told_ = 0;
  bool has_asked_ = false;
  bool has_media_ = false;
  Instant next_want_;
};

/// Fills a slot with a packet of a publication. False: the packet is too large for one.
[[nodiscard]] bool write_relay_media(const MediaPacket& packet, RelaySlot& slot);

}  // namespace meridian::forward
