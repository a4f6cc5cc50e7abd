#include "rtcp/compound_writer.hpp"

#include <algorithm>
#include <array>
#include <bit>

#include "base/check.hpp"

namespace meridian::rtcp {
namespace {

constexpr std::size_t kFeedbackHeaderSize = 12;  // header, sender, media
constexpr std::size_t kMinBuffer = 100;

constexpr std::size_t padded(std::size_t size) {
  return (size + 3) / 4 * 4;
}

void write_block(ByteWriter& writer, const ReportBlock& block) {
  writer.u32(block.ssrc.value());
  writer.u8(block.fraction_lost);
  writer.u24(static_cast<std::uint32_t>(block.cumulative_lost) & 0xffffffU);
  writer.u32(block.highest_sequence);
  writer.u32(block.jitter);
  writer.u32(block.last_sender_report);
  writer.u32(block.delay_since_last);
}

/// Statuses of one transport feedback: symbols, and deltas in 250 us.
class FeedbackEncoder {
 public:
  /// More than a packet holds unless nearly all were lost.
  static constexpr std::size_t kMaxStatuses = 1024;
  static constexpr std::size_t kFixedSize = kFeedbackHeaderSize + 8;

  /// Takes times up to the last one that a delta can express.
  explicit FeedbackEncoder(std::span<const Instant> times) {
    for (const Instant& time : times.first(std::min(times.size(), kMaxStatuses))) {
      if (!add(time)) {
        break;
      }
    }
  }

  [[nodiscard]] bool has_arrivals() const { return has_arrivals_; }
  [[nodiscard]] std::uint32_t reference_time() const {
    return static_cast<std::uint32_t>(reference_) & 0xffffffU;
  }
  [[nodiscard]] std::size_t encoded() const { return encoded_; }
  [[nodiscard]] std::size_t packet_size() const {
    return padded(kFixedSize + 2 * chunk_count_ + delta_bytes_);
  }

  /// Makes chunks for as many statuses as fit into `room` bytes.
  void fit(std::size_t room) {
    while (encoded_ < size_) {
      const std::size_t used = kFixedSize + 2 * (chunk_count_ + 1) + delta_bytes_;
      // A packet is padded to a word, and `room` may not be a multiple of one.
      if (used > room / 4 * 4 || !add_chunk(room / 4 * 4 - used)) {
        return;
      }
    }
  }

  void write(ByteWriter& writer) const {
    for (std::size_t i = 0; i < chunk_count_; ++i) {
      writer.u16(chunks_[i]);
    }
    for (std::size_t i = 0; i < encoded_; ++i) {
      if (symbols_[i] == 1) {
        writer.u8(static_cast<std::uint8_t>(deltas_[i]));
      } else if (symbols_[i] == 2) {
        writer.u16(static_cast<std::uint16_t>(deltas_[i]));
      }
    }
  }

 private:
  static constexpr std::int64_t kTickNanoseconds = 250'000;
  static constexpr std::int64_t kTicksPerReference = 256;  // 64 ms
  static constexpr std::size_t kMaxRun = 0x1fff;
  // Each chunk but the last covers at least 7.
  static constexpr std::size_t kMaxChunks = kMaxStatuses / 7 + 1;

  bool add(Instant time) {
    if (time.is_never()) {
      symbols_[size_++] = 0;
      return true;
    }
    const std::int64_t tick = time.since_origin().count() / kTickNanoseconds;
    if (!has_arrivals_) {
      has_arrivals_ = true;
      reference_ = tick / kTicksPerReference;
      last_tick_ = reference_ * kTicksPerReference;
    }
    const std::int64_t delta = tick - last_tick_;
    if (delta < INT16_MIN || delta > INT16_MAX) {
      return false;
    }
    last_tick_ = tick;
    deltas_[size_] = static_cast<std::int16_t>(delta);
    symbols_[size_++] = delta >= 0 && delta <= 255 ? 1 : 2;
    return true;
  }

  /// Appends the chunk that covers most from encoded_ on; false when its deltas need more than
  /// `room` bytes.
  bool add_chunk(std::size_t room) {
    const std::uint32_t symbol = symbols_[encoded_];
    const auto* const from = symbols_.begin() + encoded_;
    const auto* const end = symbols_.begin() + size_;
    std::size_t run = static_cast<std::size_t>(
        std::find_if(from, end, [&](std::uint8_t other) { return other != symbol; }) - from);
    run = std::min(run, kMaxRun);
    const std::size_t left = size_ - encoded_;
    const std::size_t narrow = std::min<std::size_t>(14, left);
    const bool is_narrow = std::find(from, from + narrow, 2) == from + narrow;
    const std::size_t vector = is_narrow ? narrow : std::min<std::size_t>(7, left);
    if (run >= vector) {
      if (symbol > 0) {
        run = std::min(run, room / symbol);
      }
      return append(static_cast<std::uint16_t>((symbol << 13U) | run), run, room);
    }
    std::uint32_t chunk = is_narrow ? 0x8000U : 0xc000U;
    const std::size_t width = is_narrow ? 1 : 2;
    for (std::size_t i = 0; i < vector; ++i) {
      chunk |= static_cast<std::uint32_t>(from[i]) << (14 - width * (i + 1));
    }
    return append(static_cast<std::uint16_t>(chunk), vector, room);
  }

  bool append(std::uint16_t chunk, std::size_t statuses, std::size_t room) {
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < statuses; ++i) {
      bytes += symbols_[encoded_ + i];  // symbol 1 has one byte, 2 has two
    }
    if (statuses == 0 || bytes > room) {
      return false;
    }
    chunks_[chunk_count_++] = chunk;
    encoded_ += statuses;
    delta_bytes_ += bytes;
    return true;
  }

  std::array<std::uint8_t, kMaxStatuses> symbols_;
  std::array<std::int16_t, kMaxStatuses> deltas_;
  std::array<std::uint16_t, kMaxChunks> chunks_;
  std::size_t size_ = 0;
  std::size_t encoded_ = 0;
  std::size_t chunk_count_ = 0;
  std::size_t delta_bytes_ = 0;
  bool has_arrivals_ = false;
  std::int64_t reference_ = 0;  // 64 ms units
  std::int64_t last_tick_ = 0;
};

}  // namespace

CompoundWriter::CompoundWriter(MutableBytes buffer)
    : buffer_(buffer.first(std::min(buffer.size(), kMaxSize))) {
  MERIDIAN_CHECK(buffer.size() >= kMinBuffer);
}

ByteWriter CompoundWriter::begin(std::uint8_t count_or_format, std::uint8_t packet_type,
                                 std::size_t size) {
  ByteWriter writer(buffer_.subspan(size_, size));
  writer.u8(static_cast<std::uint8_t>(0x80U | count_or_format));
  writer.u8(packet_type);
  writer.u16(static_cast<std::uint16_t>(size / 4 - 1));
  size_ += size;
  return writer;
}

Added CompoundWriter::add_receiver_report(Ssrc sender, std::span<const ReportBlock>& blocks) {
  constexpr std::size_t kFixed = 8;
  if (room() < kFixed + (blocks.empty() ? 0 : ReportBlocks::kBlockSize)) {
    return Added::kFull;
  }
  const std::size_t count =
      std::min({blocks.size(), kMaxReportBlocks, (room() - kFixed) / ReportBlocks::kBlockSize});
  ByteWriter writer =
      begin(static_cast<std::uint8_t>(count), 201, kFixed + count * ReportBlocks::kBlockSize);
  writer.u32(sender.value());
  for (const ReportBlock& block : blocks.first(count)) {
    write_block(writer, block);
  }
  blocks = blocks.subspan(count);
  return Added::kYes;
}

Added CompoundWriter::add_sender_report(const SenderReport& report,
                                        std::span<const ReportBlock>& blocks) {
  constexpr std::size_t kFixed = 28;
  if (room() < kFixed) {
    return Added::kFull;
  }
  const std::size_t count =
      std::min({blocks.size(), kMaxReportBlocks, (room() - kFixed) / ReportBlocks::kBlockSize});
  ByteWriter writer =
      begin(static_cast<std::uint8_t>(count), 200, kFixed + count * ReportBlocks::kBlockSize);
  writer.u32(report.sender.value());
  writer.u64(report.ntp.value());
  writer.u32(report.rtp.value());
  writer.u32(report.packets);
  writer.u32(report.octets);
  for (const ReportBlock& block : blocks.first(count)) {
    write_block(writer, block);
  }
  blocks = blocks.subspan(count);
  return Added::kYes;
}

Added CompoundWriter::add_cname(Ssrc source, std::string_view cname) {
  const std::string_view text = cname.substr(0, kMaxCname);
  // Type, length, text, and at least one zero that ends the chunk.
  const std::size_t size = padded(kHeaderSize + 4 + 2 + text.size() + 1);
  if (room() < size) {
    return Added::kFull;
  }
  ByteWriter writer = begin(1, 202, size);
  writer.u32(source.value());
  writer.u8(1);
  writer.u8(static_cast<std::uint8_t>(text.size()));
  writer.bytes(as_bytes(text));
  writer.fill(writer.remaining(), 0);
  return Added::kYes;
}

Added CompoundWriter::add_bye(Ssrc source) {
  constexpr std::size_t kSize = 8;
  if (room() < kSize) {
    return Added::kFull;
  }
  begin(1, 203, kSize).u32(source.value());
  return Added::kYes;
}

Added CompoundWriter::add_nack(Ssrc sender, Ssrc media,
                               std::span<const SequenceNumber>& sequences) {
  constexpr std::size_t kItemSize = 4;
  constexpr int kItemReach = 16;
  if (sequences.empty()) {
    return Added::kYes;
  }
  if (room() < kFeedbackHeaderSize + kItemSize) {
    return Added::kFull;
  }
  const std::size_t max_items = (room() - kFeedbackHeaderSize) / kItemSize;
  std::array<std::uint32_t, kMaxSize / kItemSize> items;
  std::size_t count = 0;
  while (count < max_items && !sequences.empty()) {
    const SequenceNumber first = sequences.front();
    std::uint32_t bitmask = 0;
    sequences = sequences.subspan(1);
    while (!sequences.empty()) {
      const int distance = sequences.front().distance_from(first);
      if (distance < 1 || distance > kItemReach) {
        break;
      }
      bitmask |= 1U << (distance - 1);
      sequences = sequences.subspan(1);
    }
    items[count++] = (std::uint32_t{first.value()} << 16U) | bitmask;
  }
  ByteWriter writer = begin(1, 205, kFeedbackHeaderSize + count * kItemSize);
  writer.u32(sender.value());
  writer.u32(media.value());
  for (std::size_t i = 0; i < count; ++i) {
    writer.u32(items[i]);
  }
  return Added::kYes;
}

Added CompoundWriter::add_picture_loss(Ssrc sender, Ssrc media) {
  if (room() < kFeedbackHeaderSize) {
    return Added::kFull;
  }
  ByteWriter writer = begin(1, 206, kFeedbackHeaderSize);
  writer.u32(sender.value());
  writer.u32(media.value());
  return Added::kYes;
}

Added CompoundWriter::add_full_intra(Ssrc sender, Ssrc media, std::uint8_t sequence) {
  constexpr std::size_t kSize = kFeedbackHeaderSize + FullIntra::kItemSize;
  if (room() < kSize) {
    return Added::kFull;
  }
  ByteWriter writer = begin(4, 206, kSize);
  writer.u32(sender.value());
  writer.u32(0);  // unused: the media source is in the item
  writer.u32(media.value());
  writer.u8(sequence);
  writer.u24(0);
  return Added::kYes;
}

Added CompoundWriter::add_remb(Ssrc sender, Bitrate bitrate, std::span<const Ssrc> sources) {
  constexpr std::uint32_t kMantissaBits = 18;
  const auto listed = sources.first(std::min<std::size_t>(sources.size(), 255));
  const std::size_t size = kFeedbackHeaderSize + 8 + 4 * listed.size();
  if (room() < size) {
    return Added::kFull;
  }
  const auto width = static_cast<std::uint32_t>(std::bit_width(bitrate.value()));
  const std::uint32_t exponent = width > kMantissaBits ? width - kMantissaBits : 0;
  const auto mantissa = static_cast<std::uint32_t>(bitrate.value() >> exponent);
  ByteWriter writer = begin(15, 206, size);
  writer.u32(sender.value());
  writer.u32(0);
  writer.bytes(as_bytes("REMB"));
  writer.u8(static_cast<std::uint8_t>(listed.size()));
  writer.u24((exponent << kMantissaBits) | mantissa);
  for (const Ssrc source : listed) {
    writer.u32(source.value());
  }
  return Added::kYes;
}

Added CompoundWriter::add_transport_feedback(Ssrc sender, Ssrc media, std::uint8_t feedback_count,
                                             Arrivals& arrivals) {
  FeedbackEncoder encoder(arrivals.times);
  const auto take = [&](std::size_t count) {
    arrivals.times = arrivals.times.subspan(count);
    arrivals.base = arrivals.base.plus(static_cast<int>(count));
  };
  if (!encoder.has_arrivals()) {
    take(arrivals.times.size());
    return Added::kYes;
  }
  encoder.fit(room());
  if (encoder.encoded() == 0) {
    return Added::kFull;
  }
  ByteWriter writer = begin(15, 205, encoder.packet_size());
  writer.u32(sender.value());
  writer.u32(media.value());
  writer.u16(arrivals.base.value());
  writer.u16(static_cast<std::uint16_t>(encoder.encoded()));
  writer.u24(encoder.reference_time());
  writer.u8(feedback_count);
  encoder.write(writer);
  writer.fill(writer.remaining(), 0);
  take(encoder.encoded());
  return Added::kYes;
}

}  // namespace meridian::rtcp
