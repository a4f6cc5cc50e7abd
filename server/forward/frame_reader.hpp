#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/rtp_types.hpp"
#include "base/time.hpp"
#include "forward/media_packet.hpp"
#include "rtp/dependency_descriptor.hpp"
#include "rtp/frame_info.hpp"
#include "rtp/media.hpp"
#include "rtp/packet.hpp"

namespace meridian::forward {

/// What the reader is told of a packet besides its bytes. For a retransmission sequence and payload
/// are those of the original.
struct PacketContext {
  ExtendedSequence sequence;
  std::uint32_t generation = 0;
  Instant arrival;
  rtp::Codec codec = rtp::Codec::kUnknown;
  Bytes payload;
};

/// Which decode target of a stream stands for each pair of highest layers that somebody may get.
class DecodeTargetMap {
 public:
  static constexpr std::uint8_t kNone = 0xff;

  /// Bit i of `active`: target i is being sent.
  void update(const rtp::DependencyStructure& structure, bool is_new, std::uint32_t active);
  /// For whom a frame with these indications is not present.
  [[nodiscard]] Unneeded unneeded(const rtp::DecodeTargetIndications& indications) const;

 private:
  static constexpr std::array<std::uint8_t, Unneeded::kTemporal> kNoRow = {kNone, kNone, kNone,
                                                                           kNone};
  std::array<std::array<std::uint8_t, Unneeded::kTemporal>, Unneeded::kSpatial> targets_ = {
      kNoRow, kNoRow, kNoRow, kNoRow};
  std::uint32_t active_ = 0;
};

/// Describes the packets of one layer: frames, key frames and layers from the dependency
/// descriptor where there is one, from the codec's descriptor otherwise. Both stay clear under
/// end-to-end encryption.
class FrameReader {
 public:
  /// The views of the result point into the packet.
  [[nodiscard]] MediaPacket read(const rtp::PacketView& view, const rtp::ExtensionMap& map,
                                 const PacketContext& context);
  /// The stream begins anew.
  void reset();

 private:
  void read_extensions(const rtp::PacketView& view, const rtp::ExtensionMap& map,
                       MediaPacket& packet) const;
  void read_payload(MediaPacket& packet) const;
  [[nodiscard]] bool starts_key_frame(const rtp::FrameInfo& info, const MediaPacket& packet) const;
  void read_descriptor(MediaPacket& packet);

  rtp::DependencyDescriptorReader descriptors_;
  DecodeTargetMap targets_;
  RtpTimestamp last_timestamp_;
  ExtendedSequence last_sequence_;
  bool has_timestamp_ = false;
};

}  // namespace meridian::forward
