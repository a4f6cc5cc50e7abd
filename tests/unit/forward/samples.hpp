#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "forward/media_packet.hpp"
#include "rtp/packet_writer.hpp"

namespace meridian::forward::test {

inline Instant at(Duration since) {
  return Instant::from_origin(since);
}

struct Vp8Fields {
  bool is_key = false;
  bool starts = true;
  std::uint16_t picture_id = 0;  // 15 bits
  std::uint8_t tl0 = 0;
  std::uint8_t temporal = 0;
  bool is_sync = false;
  std::uint8_t key_index = 0;
  std::size_t size = 20;  // bytes behind the descriptor
};

/// A VP8 payload (RFC 7741): descriptor with all fields, then a payload header and filling.
inline std::vector<std::uint8_t> vp8_payload(const Vp8Fields& fields) {
  std::vector<std::uint8_t> payload = {
      static_cast<std::uint8_t>(0x80U | (fields.starts ? 0x10U : 0U)),
      0xf0,
      static_cast<std::uint8_t>(0x80U | (unsigned{fields.picture_id} >> 8U)),
      static_cast<std::uint8_t>(fields.picture_id),
      fields.tl0,
      static_cast<std::uint8_t>((unsigned{fields.temporal} << 6U) | (fields.is_sync ? 0x20U : 0U) |
                                fields.key_index),
      static_cast<std::uint8_t>(fields.is_key ? 0x10 : 0x11)};
  payload.resize(payload.size() + fields.size, 0x5a);
  return payload;
}

struct RtpFields {
  std::uint32_t ssrc = 0;
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  std::uint8_t payload_type = 96;
  bool marker = false;
  std::vector<std::pair<std::uint8_t, std::vector<std::uint8_t>>> extensions = {};
};

inline std::vector<std::uint8_t> rtp_packet(const RtpFields& fields, Bytes payload) {
  rtp::ExtensionList list;
  for (const auto& [id, value] : fields.extensions) {
    list.add(id, value);
  }
  std::vector<std::uint8_t> packet(2000);
  const MutableBytes written =
      rtp::write_packet(packet,
                        {.ssrc = Ssrc(fields.ssrc),
                         .sequence = SequenceNumber(fields.sequence),
                         .timestamp = RtpTimestamp(fields.timestamp),
                         .payload_type = PayloadType(fields.payload_type),
                         .marker = fields.marker ? rtp::Marker::kSet : rtp::Marker::kClear},
                        list, {.prefix = {}, .payload = payload, .padding = 0});
  packet.resize(written.size());
  return packet;
}

inline std::vector<std::uint8_t> text(std::string_view value) {
  return {value.begin(), value.end()};
}

/// A packet of a frame that is one packet long.
inline MediaPacket media(std::uint64_t sequence, std::uint32_t timestamp, Instant arrival,
                         rtp::Codec codec = rtp::Codec::kVp8) {
  MediaPacket packet;
  packet.sequence = ExtendedSequence(sequence);
  packet.timestamp = RtpTimestamp(timestamp);
  packet.generation = 1;
  packet.arrival = arrival;
  packet.codec = codec;
  packet.marker = true;
  packet.starts_frame = true;
  packet.ends_frame = true;
  return packet;
}

}  // namespace meridian::forward::test
