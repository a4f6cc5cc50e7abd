#include "forward/packet_composer.hpp"

#include <array>
#include <cstring>

#include "rtp/dependency_descriptor.hpp"
#include "rtp/extensions.hpp"
#include "rtp/packet_writer.hpp"
#include "rtp/vp8.hpp"
#include "rtp/vp9.hpp"

namespace meridian::forward {
namespace {

using rtp::Extension;

void add_byte(rtp::ExtensionList& list, std::uint8_t id, std::optional<std::uint8_t> value) {
  if (value) {
    const std::array<std::uint8_t, 1> raw = {*value};
    list.add_copy(id, raw);
  }
}

void add_descriptor(rtp::ExtensionList& list, std::uint8_t id, Bytes descriptor,
                    std::uint16_t frame_number) {
  if (id == 0 || descriptor.empty()) {
    return;
  }
  const MutableBytes copy = list.scratch(descriptor.size());
  if (copy.size() < descriptor.size()) {
    return;
  }
  std::memcpy(copy.data(), descriptor.data(), descriptor.size());
  rtp::set_descriptor_frame_number(copy.first(descriptor.size()), frame_number);
  list.commit(id, descriptor.size());
}

void add_transport_extensions(rtp::ExtensionList& list, const SendFormat& format) {
  const rtp::ExtensionMap& map = format.extensions;
  if (format.transport_sequence) {
    list.add_copy(map.id(Extension::kTransportSequence),
                  rtp::encode_transport_sequence(*format.transport_sequence));
  }
  if (map.has(Extension::kAbsSendTime)) {
    list.add_copy(map.id(Extension::kAbsSendTime),
                  rtp::encode_abs_send_time(rtp::to_abs_send_time(format.now)));
  }
}

void add_extensions(rtp::ExtensionList& list, const MediaPacket& packet, const Rewrite& rewrite,
                    const SendFormat& format) {
  const rtp::ExtensionMap& map = format.extensions;
  const CarriedExtensions& carried = packet.extensions;
  add_transport_extensions(list, format);
  add_byte(list, map.id(Extension::kAudioLevel), carried.audio_level);
  add_byte(list, map.id(Extension::kVideoOrientation), carried.video_orientation);
  if (carried.capture_time_size > 0) {
    list.add(map.id(Extension::kAbsCaptureTime),
             Bytes(carried.capture_time).first(carried.capture_time_size));
  }
  if (format.playout_delay) {
    list.add(map.id(Extension::kPlayoutDelay), *format.playout_delay);
  }
  add_descriptor(list, map.id(Extension::kDependencyDescriptor), packet.descriptor,
                 rewrite.frame_number);
}

void rewrite_payload(const MediaPacket& packet, const Rewrite& rewrite, MutableBytes payload) {
  if (packet.codec == rtp::Codec::kVp8) {
    if (const auto descriptor = rtp::parse_vp8(payload)) {
      rtp::rewrite_vp8(payload, *descriptor,
                       {.picture_id = rewrite.picture_id,
                        .tl0_picture_index = rewrite.tl0_picture_index,
                        .key_index = rewrite.key_index});
    }
  } else if (packet.codec == rtp::Codec::kVp9) {
    if (const auto descriptor = rtp::parse_vp9(payload)) {
      rtp::rewrite_vp9(
          payload, *descriptor,
          {.picture_id = rewrite.picture_id, .tl0_picture_index = rewrite.tl0_picture_index});
    }
  }
}

std::size_t compose(const MediaPacket& packet, const Rewrite& rewrite, const SendFormat& format,
                    SequenceNumber sequence, Bytes prefix, MutableBytes out) {
  rtp::ExtensionList extensions;
  add_extensions(extensions, packet, rewrite, format);
  const rtp::PacketHeader header{
      .ssrc = format.ssrc,
      .sequence = sequence,
      .timestamp = rewrite.timestamp,
      .payload_type = format.payload_type,
      .marker = rewrite.marker ? rtp::Marker::kSet : rtp::Marker::kClear};
  const MutableBytes written =
      rtp::write_packet(out, header, extensions,
                        {.prefix = prefix, .payload = packet.payload, .padding = format.padding});
  if (!written.empty()) {
    const std::size_t end = written.size() - format.padding;
    rewrite_payload(packet, rewrite, written.first(end).last(packet.payload.size()));
  }
  return written.size();
}

}  // namespace

std::size_t compose_packet(const MediaPacket& packet, const Rewrite& rewrite,
                           const SendFormat& format, MutableBytes out) {
  return compose(packet, rewrite, format, low_half(rewrite.sequence), {}, out);
}

std::size_t composed_size(const MediaPacket& packet, const SendFormat& format) {
  rtp::ExtensionList extensions;
  add_extensions(extensions, packet, {}, format);
  return rtp::packet_size(extensions, {.prefix = {}, .payload = packet.payload, .padding = 0});
}

std::size_t compose_retransmission(const MediaPacket& packet, const Rewrite& rewrite,
                                   const SendFormat& format, SequenceNumber sequence,
                                   MutableBytes out) {
  std::array<std::uint8_t, 2> original{};
  store_u16(original.data(), low_half(rewrite.sequence).value());
  return compose(packet, rewrite, format, sequence, original, out);
}

std::size_t compose_padding(const SendFormat& format, SequenceNumber sequence,
                            RtpTimestamp timestamp, MutableBytes out) {
  rtp::ExtensionList extensions;
  add_transport_extensions(extensions, format);
  const rtp::PacketHeader header{.ssrc = format.ssrc,
                                 .sequence = sequence,
                                 .timestamp = timestamp,
                                 .payload_type = format.payload_type};
  return rtp::write_packet(out, header, extensions,
                           {.prefix = {}, .payload = {}, .padding = kMostPadding})
      .size();
}

void renumber_red_blocks(MutableBytes payload, PayloadType inner) {
  constexpr std::size_t kBlockHeader = 4;
  for (std::size_t offset = 0; offset < payload.size();) {
    const bool has_more = (payload[offset] & 0x80U) != 0;
    payload[offset] = static_cast<std::uint8_t>((payload[offset] & 0x80U) | inner.value());
    if (!has_more) {
      return;
    }
    offset += kBlockHeader;
  }
}

}  // namespace meridian::forward
