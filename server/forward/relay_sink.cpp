#include "forward/relay_sink.hpp"

#include "rtp/packet.hpp"
#include "rtp/packet_writer.hpp"

namespace meridian::forward {

using rtp::Extension;

rtp::ExtensionMap relay_extensions() {
  // Part of the frame format: the ids never change, new ones are added.
  rtp::ExtensionMap map;
  map.set(Extension::kAudioLevel, 1);
  map.set(Extension::kVideoOrientation, 2);
  map.set(Extension::kAbsCaptureTime, 3);
  map.set(Extension::kDependencyDescriptor, 4);
  return map;
}

bool write_relay_media(const MediaPacket& packet, RelaySlot& slot) {
  const rtp::ExtensionMap map = relay_extensions();
  const CarriedExtensions& carried = packet.extensions;
  rtp::ExtensionList list;
  if (carried.audio_level) {
    list.add(map.id(Extension::kAudioLevel), Bytes(&*carried.audio_level, 1));
  }
  if (carried.video_orientation) {
    list.add(map.id(Extension::kVideoOrientation), Bytes(&*carried.video_orientation, 1));
  }
  if (carried.capture_time_size > 0) {
    list.add(map.id(Extension::kAbsCaptureTime),
             Bytes(carried.capture_time).first(carried.capture_time_size));
  }
  if (!packet.descriptor.empty()) {
    list.add(map.id(Extension::kDependencyDescriptor), packet.descriptor);
  }
  // SSRC and payload type mean nothing here: publication, layer and codec are in the slot.
  const rtp::PacketHeader header{
      .ssrc = Ssrc{},
      .sequence = SequenceNumber(static_cast<std::uint16_t>(packet.sequence.value())),
      .timestamp = packet.timestamp,
      .payload_type = PayloadType{},
      .marker = packet.marker ? rtp::Marker::kSet : rtp::Marker::kClear};
  const MutableBytes written = rtp::write_packet(
      slot.bytes, header, list, {.prefix = {}, .payload = packet.payload, .padding = 0});
  slot.type = RelayFrame::kMedia;
  slot.codec = packet.codec;
  slot.generation = packet.generation;
  slot.sequence = packet.sequence;
  slot.arrival = packet.arrival;
  slot.length = static_cast<std::uint16_t>(written.size());
  return !written.empty();
}

std::optional<MediaPacket> RelaySink::read(const RelaySlot& slot) {
  if (slot.layer >= kMaxLayers || slot.length > RelaySlot::kMaxPacket ||
      slot.epoch < permit_.epoch()) {
    return std::nullopt;
  }
  const auto view = rtp::PacketView::parse(slot.packet());
  if (!view) {
    return std::nullopt;
  }
  FrameReader& reader = readers_[slot.layer];
  if (generations_[slot.layer] != slot.generation) {
    generations_[slot.layer] = slot.generation;
    reader.reset();
  }
  has_media_ = true;
  return reader.read(*view, map_,
                     {.sequence = slot.sequence,
                      .generation = slot.generation,
                      .arrival = slot.arrival,
                      .codec = slot.codec,
                      .payload = view->payload()});
}

std::optional<std::uint8_t> RelaySink::poll_want(std::uint8_t wanted, Instant now) {
  if (wanted == told_ && (now < next_want_ || !has_asked_)) {
    return std::nullopt;
  }
  has_asked_ = true;
  told_ = wanted;
  next_want_ = now + (has_media_ ? kRepeat : kFirstRepeat);
  return wanted;
}

}  // namespace meridian::forward
