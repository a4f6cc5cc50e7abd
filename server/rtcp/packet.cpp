#include "rtcp/packet.hpp"

#include <algorithm>
#include <bit>

namespace meridian::rtcp {
namespace {

constexpr std::size_t kSenderInfoSize = 20;
constexpr std::size_t kTransportFeedbackFixedSize = 8;
constexpr std::uint8_t kCnameItem = 1;

// RFC 3550 section 12.1, RFC 4585 section 6.1.
enum PacketType : std::uint8_t {
  kSenderReport = 200,
  kReceiverReport = 201,
  kSourceDescription = 202,
  kBye = 203,
  kTransportFeedback = 205,
  kPayloadFeedback = 206,
};
// Formats of transport feedback (205).
constexpr std::uint8_t kNackFormat = 1;
constexpr std::uint8_t kTransportWideFormat = 15;
// Formats of payload-specific feedback (206).
constexpr std::uint8_t kPictureLossFormat = 1;
constexpr std::uint8_t kFullIntraFormat = 4;
constexpr std::uint8_t kApplicationFormat = 15;
constexpr std::uint32_t kRembIdentifier = 0x52454d42;  // "REMB"

/// Header of one packet and its body without padding.
struct Frame {
  std::uint8_t count_or_format = 0;
  std::uint8_t packet_type = 0;
  Bytes body;
  std::size_t size = 0;
};

base::Expected<Frame, ParseError> parse_frame(Bytes bytes) {
  if (bytes.size() < kHeaderSize) {
    return std::unexpected(ParseError::kTruncated);
  }
  if (bytes[0] >> 6U != 2) {
    return std::unexpected(ParseError::kVersion);
  }
  Frame frame;
  frame.count_or_format = bytes[0] & 0x1fU;
  frame.packet_type = bytes[1];
  frame.size = (std::size_t{load_u16(&bytes[2])} + 1) * 4;
  if (frame.size > bytes.size()) {
    return std::unexpected(ParseError::kLength);
  }
  frame.body = bytes.subspan(kHeaderSize, frame.size - kHeaderSize);
  // Chromium pads each transport feedback by 1 to 3 bytes, last in its compound or not, where
  // RFC 3550 section 6.4.1 wants a multiple of four in the last packet only.
  if ((bytes[0] & 0x20U) != 0) {
    const std::size_t padding = frame.body.empty() ? 0 : frame.body.back();
    if (padding == 0 || padding > frame.body.size()) {
      return std::unexpected(ParseError::kPadding);
    }
    frame.body = frame.body.first(frame.body.size() - padding);
  }
  return frame;
}

using Parsed = base::Expected<Packet, ParseError>;

/// Report blocks; profile-specific extensions after them are allowed and ignored.
base::Expected<ReportBlocks, ParseError> parse_blocks(ByteReader& reader, std::uint8_t count) {
  const Bytes raw = reader.bytes(count * ReportBlocks::kBlockSize);
  if (reader.failed()) {
    return std::unexpected(ParseError::kReport);
  }
  return ReportBlocks(raw);
}

Parsed parse_sender_report(const Frame& frame) {
  if (frame.body.size() < 4 + kSenderInfoSize) {
    return std::unexpected(ParseError::kReport);
  }
  ByteReader reader(frame.body);
  SenderReport report;
  report.sender = Ssrc(reader.u32());
  report.ntp = NtpTime(reader.u64());
  report.rtp = RtpTimestamp(reader.u32());
  report.packets = reader.u32();
  report.octets = reader.u32();
  const auto blocks = parse_blocks(reader, frame.count_or_format);
  if (!blocks) {
    return std::unexpected(blocks.error());
  }
  report.blocks = *blocks;
  return report;
}

Parsed parse_receiver_report(const Frame& frame) {
  ByteReader reader(frame.body);
  ReceiverReport report;
  report.sender = Ssrc(reader.u32());
  const auto blocks = parse_blocks(reader, frame.count_or_format);
  if (!blocks) {
    return std::unexpected(blocks.error());
  }
  report.blocks = *blocks;
  return report;
}

/// Items up to the zero that ends the chunk, and the padding to the next multiple of four.
void parse_chunk(ByteReader& reader, SourceDescription& found) {
  const Ssrc source(reader.u32());
  while (!reader.failed()) {
    const std::uint8_t type = reader.u8();
    if (type == 0) {
      reader.skip((4 - reader.offset() % 4) % 4);
      return;
    }
    const Bytes text = reader.bytes(reader.u8());
    if (type == kCnameItem && found.cname.empty() && !reader.failed()) {
      found = {source, as_text(text)};
    }
  }
}

Parsed parse_source_description(const Frame& frame) {
  ByteReader reader(frame.body);
  SourceDescription found;
  for (int i = 0; i < frame.count_or_format; ++i) {
    parse_chunk(reader, found);
  }
  if (reader.failed() || reader.remaining() != 0) {
    return std::unexpected(ParseError::kSourceDescription);
  }
  return found;
}

Parsed parse_bye(const Frame& frame) {
  ByteReader reader(frame.body);
  Bye bye;
  bye.sources = SsrcList(reader.bytes(std::size_t{frame.count_or_format} * 4));
  if (!reader.failed() && reader.remaining() > 0) {
    bye.reason = as_text(reader.bytes(reader.u8()));
  }
  if (reader.failed() || reader.remaining() > 3) {  // the reason is padded to a word
    return std::unexpected(ParseError::kBye);
  }
  return bye;
}

/// Splits what follows the fixed part into status chunks and deltas. Work is bounded by the bytes
/// there are: a run of any length is one step.
bool split_transport_feedback(Bytes rest, TransportFeedback& feedback) {
  ByteReader reader(rest);
  std::size_t left = feedback.status_count;
  std::size_t delta_bytes = 0;
  while (left > 0) {
    const std::uint16_t chunk = reader.u16();
    if (reader.failed()) {
      return false;
    }
    if ((chunk & 0x8000U) == 0) {  // run length
      const std::size_t run = std::min<std::size_t>(chunk & 0x1fffU, left);
      const std::size_t symbol = (chunk >> 13U) & 3U;
      delta_bytes += run * (symbol == 3 ? 0 : symbol);
      left -= run;
      continue;
    }
    const std::uint32_t width = (chunk & 0x4000U) != 0 ? 2 : 1;
    const std::size_t symbols = std::min<std::size_t>(14 / width, left);
    for (std::size_t i = 0; i < symbols; ++i) {
      const auto shift = static_cast<std::uint32_t>(14 - width * (i + 1));
      const std::uint32_t symbol = (chunk >> shift) & ((1U << width) - 1U);
      delta_bytes += symbol == 3 ? 0 : symbol;
    }
    left -= symbols;
  }
  feedback.chunks = rest.first(reader.offset());
  feedback.deltas = reader.bytes(delta_bytes);
  return !reader.failed() && reader.remaining() <= 3;
}

Parsed parse_transport_feedback(const Frame& frame) {
  if (frame.body.size() < 8) {
    return std::unexpected(ParseError::kFeedback);
  }
  ByteReader reader(frame.body);
  const Ssrc sender(reader.u32());
  const Ssrc media(reader.u32());
  if (frame.count_or_format == kNackFormat) {
    if (reader.remaining() == 0) {
      return std::unexpected(ParseError::kFeedback);
    }
    return Nack{sender, media, reader.rest()};
  }
  if (frame.count_or_format != kTransportWideFormat) {
    return Skipped{frame.packet_type};
  }
  if (reader.remaining() < kTransportFeedbackFixedSize) {
    return std::unexpected(ParseError::kFeedback);
  }
  TransportFeedback feedback;
  feedback.sender = sender;
  feedback.media = media;
  feedback.base = SequenceNumber(reader.u16());
  feedback.status_count = reader.u16();
  feedback.reference_time = reader.u24();
  feedback.feedback_count = reader.u8();
  if (!split_transport_feedback(reader.rest(), feedback)) {
    return std::unexpected(ParseError::kFeedback);
  }
  return feedback;
}

/// Exponent and mantissa may say more than 64 bits hold: that is as large as a claim can be.
Bitrate decode_remb(std::uint32_t exponent, std::uint64_t mantissa) {
  const std::uint64_t value = mantissa << exponent;
  return Bitrate(value >> exponent == mantissa ? value : UINT64_MAX);
}

Parsed parse_remb(Ssrc sender, ByteReader& reader) {
  if (reader.u32() != kRembIdentifier) {
    return Skipped{kPayloadFeedback};
  }
  const std::uint8_t count = reader.u8();
  const std::uint32_t rate = reader.u24();
  const Bytes sources = reader.bytes(std::size_t{count} * 4);
  if (reader.failed() || reader.remaining() != 0) {
    return std::unexpected(ParseError::kFeedback);
  }
  return Remb{sender, decode_remb(rate >> 18U, rate & 0x3ffffU), SsrcList(sources)};
}

Parsed parse_payload_feedback(const Frame& frame) {
  if (frame.body.size() < 8) {
    return std::unexpected(ParseError::kFeedback);
  }
  ByteReader reader(frame.body);
  const Ssrc sender(reader.u32());
  const Ssrc media(reader.u32());
  switch (frame.count_or_format) {
    case kPictureLossFormat:
      if (reader.remaining() != 0) {
        return std::unexpected(ParseError::kFeedback);
      }
      return PictureLoss{sender, media};
    case kFullIntraFormat:
      if (reader.remaining() == 0 || reader.remaining() % FullIntra::kItemSize != 0) {
        return std::unexpected(ParseError::kFeedback);
      }
      return FullIntra{sender, reader.rest()};
    case kApplicationFormat:
      return parse_remb(sender, reader);
    default:
      return Skipped{frame.packet_type};
  }
}

Parsed parse_packet(const Frame& frame) {
  switch (frame.packet_type) {
    case kSenderReport:
      return parse_sender_report(frame);
    case kReceiverReport:
      return parse_receiver_report(frame);
    case kSourceDescription:
      return parse_source_description(frame);
    case kBye:
      return parse_bye(frame);
    case kTransportFeedback:
      return parse_transport_feedback(frame);
    case kPayloadFeedback:
      return parse_payload_feedback(frame);
    default:
      return Skipped{frame.packet_type};
  }
}

}  // namespace

NtpTime NtpTime::plus(Duration delta) const {
  // Split, since 2^32 * nanoseconds overflows 64 bits after two seconds.
  constexpr std::int64_t kSecond = 1'000'000'000;
  std::int64_t seconds = delta.count() / kSecond;
  std::int64_t rest = delta.count() % kSecond;
  if (rest < 0) {
    rest += kSecond;
    --seconds;
  }
  const std::uint64_t fraction = (static_cast<std::uint64_t>(rest) << 32U) / kSecond;
  return NtpTime(value_ + (static_cast<std::uint64_t>(seconds) << 32U) + fraction);
}

ReportBlock ReportBlocks::operator[](std::size_t index) const {
  ByteReader reader(raw_.subspan(index * kBlockSize, kBlockSize));
  ReportBlock block;
  block.ssrc = Ssrc(reader.u32());
  block.fraction_lost = reader.u8();
  const std::uint32_t lost = reader.u24();
  block.cumulative_lost = static_cast<std::int32_t>(lost << 8U) >> 8;  // sign of 24 bits
  block.highest_sequence = reader.u32();
  block.jitter = reader.u32();
  block.last_sender_report = reader.u32();
  block.delay_since_last = reader.u32();
  return block;
}

std::optional<SequenceNumber> NackCursor::next() {
  if (yielded_ == kMaxSequences) {
    return std::nullopt;
  }
  if (bitmask_ == 0) {
    if (reader_.remaining() < 4) {
      return std::nullopt;
    }
    packet_id_ = SequenceNumber(reader_.u16());
    bitmask_ = reader_.u16();
    ++yielded_;
    return packet_id_;
  }
  const int bit = std::countr_zero(bitmask_);
  bitmask_ = static_cast<std::uint16_t>(bitmask_ & (bitmask_ - 1U));
  ++yielded_;
  return packet_id_.plus(bit + 1);
}

StatusCursor::StatusCursor(SequenceNumber base, std::uint16_t count, Duration reference,
                           Bytes chunks, Bytes deltas)
    : sequence_(base),
      left_(std::min<std::size_t>(count, kMaxStatuses)),
      time_(reference),
      chunks_(chunks),
      deltas_(deltas) {}

void StatusCursor::load_chunk() {
  const std::uint32_t chunk = chunks_.u16();
  if ((chunk & 0x8000U) == 0) {
    symbol_width_ = 0;
    run_symbol_ = static_cast<std::uint8_t>((chunk >> 13U) & 3U);
    symbols_left_ = chunk & 0x1fffU;
    return;
  }
  symbol_width_ = (chunk & 0x4000U) != 0 ? 2 : 1;
  symbols_left_ = 14U / symbol_width_;
  symbol_bits_ = chunk & 0x3fffU;
}

std::optional<PacketStatus> StatusCursor::next() {
  constexpr Duration kDeltaUnit = std::chrono::microseconds(250);
  while (left_ > 0 && symbols_left_ == 0) {
    if (chunks_.remaining() == 0) {
      return std::nullopt;
    }
    load_chunk();  // each takes two bytes, so runs of length zero end too
  }
  if (left_ == 0) {
    return std::nullopt;
  }
  --left_;
  --symbols_left_;
  std::uint32_t symbol = run_symbol_;
  if (symbol_width_ > 0) {
    symbol = (symbol_bits_ >> (symbols_left_ * symbol_width_)) & ((1U << symbol_width_) - 1U);
  }
  PacketStatus status{sequence_, std::nullopt};
  sequence_ = sequence_.next();
  if (symbol == 1) {
    time_ += kDeltaUnit * deltas_.u8();
    status.arrival = time_;
  } else if (symbol == 2) {
    time_ += kDeltaUnit * static_cast<std::int16_t>(deltas_.u16());
    status.arrival = time_;
  }
  return status;
}

base::Expected<Compound, ParseError> Compound::parse(Bytes datagram) {
  if (datagram.size() > kMaxCompoundSize) {
    return std::unexpected(ParseError::kTooLong);
  }
  Bytes rest = datagram;
  do {
    const auto frame = parse_frame(rest);
    if (!frame) {
      return std::unexpected(frame.error());
    }
    rest = rest.subspan(frame->size);
    if (const auto packet = parse_packet(*frame); !packet) {
      return std::unexpected(packet.error());
    }
  } while (!rest.empty());
  return Compound(datagram);
}

Packet Compound::Iterator::operator*() const {
  // Parsed before by Compound::parse(), so neither can fail.
  return *parse_packet(*parse_frame(rest_));
}

Compound::Iterator& Compound::Iterator::operator++() {
  rest_ = rest_.subspan(parse_frame(rest_)->size);
  return *this;
}

}  // namespace meridian::rtcp
