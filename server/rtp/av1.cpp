#include "rtp/av1.hpp"

namespace meridian::rtp {
namespace {

// |Z|Y| W |N|-|-|-|
constexpr std::uint8_t kContinues = 0x80;
constexpr std::uint8_t kContinued = 0x40;
constexpr std::uint8_t kNewSequence = 0x08;

constexpr std::uint8_t kObuForbidden = 0x80;
constexpr std::uint8_t kObuExtension = 0x04;

/// Length of an OBU element (LEB128). Four bytes hold more than any packet.
void skip_length(ByteReader& reader) {
  for (int i = 0; i < 4 && (reader.u8() & 0x80U) != 0; ++i) {
  }
}

std::optional<Av1AggregationHeader::FirstObu> read_obu_header(ByteReader& reader) {
  const std::uint8_t header = reader.u8();
  Av1AggregationHeader::FirstObu obu;
  obu.type = static_cast<std::uint8_t>((header >> 3U) & 0x0fU);
  if ((header & kObuExtension) != 0) {
    const std::uint8_t extension = reader.u8();
    obu.temporal_layer = static_cast<std::uint8_t>(extension >> 5U);
    obu.spatial_layer = static_cast<std::uint8_t>((extension >> 3U) & 3U);
  }
  if (reader.failed() || (header & kObuForbidden) != 0) {
    return std::nullopt;
  }
  return obu;
}

}  // namespace

std::optional<Av1AggregationHeader> parse_av1(Bytes payload) {
  if (payload.size() < 2) {
    return std::nullopt;
  }
  ByteReader reader(payload);
  const std::uint8_t first = reader.u8();
  Av1AggregationHeader header;
  header.continues_obu = (first & kContinues) != 0;
  header.is_continued = (first & kContinued) != 0;
  header.obu_count = static_cast<std::uint8_t>((first >> 4U) & 3U);
  header.starts_sequence = (first & kNewSequence) != 0;
  if (header.starts_sequence && header.continues_obu) {
    return std::nullopt;
  }
  if (!header.continues_obu) {
    if (header.obu_count != 1) {  // only a single element stands without a length
      skip_length(reader);
    }
    header.first_obu = read_obu_header(reader);
  }
  return header;
}

}  // namespace meridian::rtp
