#include "forward/frame_reader.hpp"

#include <algorithm>
#include <utility>

#include "rtp/frame_info.hpp"
#include "rtp/vp8.hpp"
#include "rtp/vp9.hpp"

namespace meridian::forward {

using rtp::Extension;

namespace {

/// The target that somebody gets who may have layers up to these: of those that are being sent the
/// highest in space, then in time.
std::uint8_t target_for(const rtp::DependencyStructure& structure, std::uint32_t active,
                        std::size_t spatial, std::size_t temporal) {
  std::uint8_t best = DecodeTargetMap::kNone;
  for (std::uint8_t i = 0; i < structure.decode_target_count; ++i) {
    const auto& target = structure.decode_targets[i];
    const auto is_higher = [&](const rtp::DependencyStructure::Layer& other) {
      return std::pair(target.spatial, target.temporal) > std::pair(other.spatial, other.temporal);
    };
    const bool is_active = ((active >> i) & 1U) != 0;
    if (is_active && target.spatial <= spatial && target.temporal <= temporal &&
        (best == DecodeTargetMap::kNone || is_higher(structure.decode_targets[best]))) {
      best = i;
    }
  }
  return best;
}

}  // namespace

void FrameReader::reset() {
  descriptors_.reset();
  targets_ = {};
  has_timestamp_ = false;
}

MediaPacket FrameReader::read(const rtp::PacketView& view, const rtp::ExtensionMap& map,
                              const PacketContext& context) {
  MediaPacket packet;
  packet.sequence = context.sequence;
  packet.timestamp = view.timestamp();
  packet.generation = context.generation;
  packet.arrival = context.arrival;
  packet.codec = context.codec;
  packet.marker = view.marker();
  packet.payload = context.payload;
  read_extensions(view, map, packet);
  read_payload(packet);
  if (!packet.descriptor.empty()) {
    read_descriptor(packet);
  }
  last_timestamp_ = packet.timestamp;
  last_sequence_ = packet.sequence;
  has_timestamp_ = true;
  return packet;
}

void FrameReader::read_extensions(const rtp::PacketView& view, const rtp::ExtensionMap& map,
                                  MediaPacket& packet) const {
  if (view.extension_count() == 0) {
    return;
  }
  const auto byte = [&](Extension extension) -> std::optional<std::uint8_t> {
    const Bytes value = view.extension(map.id(extension));
    return value.size() == 1 ? std::optional(value[0]) : std::nullopt;
  };
  packet.extensions.audio_level = byte(Extension::kAudioLevel);
  packet.extensions.video_orientation = byte(Extension::kVideoOrientation);
  const Bytes capture = view.extension(map.id(Extension::kAbsCaptureTime));
  if (capture.size() == 8 || capture.size() == 16) {
    std::ranges::copy(capture, packet.extensions.capture_time.begin());
    packet.extensions.capture_time_size = static_cast<std::uint8_t>(capture.size());
  }
  packet.descriptor = view.extension(map.id(Extension::kDependencyDescriptor));
}

/// H264 may mark several packets of a key frame. It begins with its parameter sets, also when they
/// come late; where a stream has none of its own, with the first packet of a new timestamp, unless
/// one before it is missing, which would have been the first.
bool FrameReader::starts_key_frame(const rtp::FrameInfo& info, const MediaPacket& packet) const {
  const bool is_new_time = !has_timestamp_ || packet.timestamp != last_timestamp_;
  if (!info.is_keyframe || packet.codec != rtp::Codec::kH264) {
    return info.is_keyframe && (info.starts_frame || is_new_time);
  }
  const bool is_next = has_timestamp_ && packet.sequence.value() == last_sequence_.value() + 1;
  return info.has_parameters || (is_new_time && is_next);
}

void FrameReader::read_payload(MediaPacket& packet) const {
  if (packet.payload.empty()) {
    return;  // padding only
  }
  const rtp::FrameInfo info = rtp::inspect(packet.codec, packet.payload,
                                           packet.marker ? rtp::Marker::kSet : rtp::Marker::kClear);
  packet.starts_frame = info.starts_frame;
  packet.ends_frame = info.ends_frame;
  packet.starts_key_frame = starts_key_frame(info, packet);
  packet.is_temporal_switch = info.is_temporal_switch;
  packet.spatial = info.spatial;
  packet.temporal = info.temporal;
  packet.picture.picture_id = info.picture_id;
  packet.picture.tl0_picture_index = info.tl0_picture_index;
  if (packet.codec == rtp::Codec::kVp8) {
    if (const auto descriptor = rtp::parse_vp8(packet.payload)) {
      packet.picture.key_index = descriptor->key_index;
      packet.picture.picture_id_bits = descriptor->has_long_picture_id ? 15 : 7;
    }
  } else if (packet.codec == rtp::Codec::kVp9) {
    if (const auto descriptor = rtp::parse_vp9(packet.payload)) {
      packet.picture.picture_id_bits = descriptor->has_long_picture_id ? 15 : 7;
    }
  }
}

void FrameReader::read_descriptor(MediaPacket& packet) {
  const auto descriptor = descriptors_.read(packet.descriptor, packet.sequence);
  if (!descriptor) {
    // Of a structure that we don't have: what the payload says stands, but decoding can't begin
    // where a receiver doesn't get the structure either.
    packet.starts_key_frame = false;
    return;
  }
  packet.starts_frame = descriptor->starts_frame;
  packet.ends_frame = descriptor->ends_frame;
  packet.starts_key_frame = descriptor->starts_frame && descriptor->has_structure;
  packet.spatial = descriptor->frame.spatial;
  packet.temporal = descriptor->frame.temporal;
  const rtp::DependencyStructure* structure = descriptors_.structure();
  if (structure == nullptr) {
    return;
  }
  targets_.update(*structure, descriptor->has_structure, descriptors_.active_decode_targets());
  const auto& indications = descriptor->frame.indications;
  packet.unneeded = targets_.unneeded(indications);
  // A switch indication for a target of this temporal layer: it can be taken from here on.
  for (std::size_t target = 0; target < structure->decode_target_count; ++target) {
    const auto& layer = structure->decode_targets[target];
    if (layer.temporal == packet.temporal && layer.spatial == packet.spatial) {
      packet.is_temporal_switch = indications[target] == rtp::DecodeTargetIndication::kSwitch;
    }
  }
}

void DecodeTargetMap::update(const rtp::DependencyStructure& structure, bool is_new,
                             std::uint32_t active) {
  if (!is_new && active == active_) {
    return;
  }
  active_ = active;
  for (std::size_t spatial = 0; spatial < Unneeded::kSpatial; ++spatial) {
    for (std::size_t temporal = 0; temporal < Unneeded::kTemporal; ++temporal) {
      targets_[spatial][temporal] = target_for(structure, active, spatial, temporal);
    }
  }
}

Unneeded DecodeTargetMap::unneeded(const rtp::DecodeTargetIndications& indications) const {
  Unneeded unneeded;
  for (std::size_t spatial = 0; spatial < Unneeded::kSpatial; ++spatial) {
    for (std::size_t temporal = 0; temporal < Unneeded::kTemporal; ++temporal) {
      const std::uint8_t target = targets_[spatial][temporal];
      if (target != kNone && indications[target] == rtp::DecodeTargetIndication::kNotPresent) {
        unneeded.set(spatial, temporal);
      }
    }
  }
  return unneeded;
}

}  // namespace meridian::forward
