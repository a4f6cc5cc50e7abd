#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/bytes.hpp"
#include "base/rtp_types.hpp"
#include "base/time.hpp"
#include "rtcp/packet.hpp"

namespace meridian::rtcp {

/// What add_*() did. After kFull nothing was written: send bytes(), clear(), and call it again.
enum class Added : std::uint8_t { kYes, kFull };

/// Arrival times of consecutive transport sequence numbers; Instant::never() = did not arrive.
struct Arrivals {
  SequenceNumber base;
  std::span<const Instant> times;
};

/// Writes RTCP packets one after the other into the caller's buffer, never more than kMaxSize
/// bytes, and never half a packet. No allocation. Functions that take a span by reference write as
/// much of it as fits into one packet and leave the rest in it: call them until it is empty.
///
///   CompoundWriter writer(buffer);
///   while (writer.add_receiver_report(sender, blocks) == Added::kFull || !blocks.empty()) flush();
class CompoundWriter {
 public:
  /// Small enough for every path together with the SRTCP trailer, DTLS or not.
  static constexpr std::size_t kMaxSize = 1200;
  static constexpr std::size_t kMaxReportBlocks = 31;
  static constexpr std::size_t kMaxCname = 255;

  /// `buffer` must outlive the writer and hold at least 100 bytes.
  explicit CompoundWriter(MutableBytes buffer);

  [[nodiscard]] MutableBytes bytes() const { return buffer_.first(size_); }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  void clear() { size_ = 0; }

  /// Without blocks it is still written: an empty RR is how a reduced report starts. Takes at most
  /// 31 blocks.
  Added add_receiver_report(Ssrc sender, std::span<const ReportBlock>& blocks);
  /// The fields of `report` other than its blocks, then at most 31 of `blocks`.
  Added add_sender_report(const SenderReport& report, std::span<const ReportBlock>& blocks);
  /// One SDES chunk with a CNAME, cut at kMaxCname.
  Added add_cname(Ssrc source, std::string_view cname);
  Added add_bye(Ssrc source);
  /// `sequences` in ascending order; those within 16 of each other share an item.
  Added add_nack(Ssrc sender, Ssrc media, std::span<const SequenceNumber>& sequences);
  Added add_picture_loss(Ssrc sender, Ssrc media);
  /// `sequence` grows by one with each new request, and stays for a repetition (RFC 5104 4.3.1.2).
  Added add_full_intra(Ssrc sender, Ssrc media, std::uint8_t sequence);
  /// At most 255 sources.
  Added add_remb(Ssrc sender, Bitrate bitrate, std::span<const Ssrc> sources);
  /// One feedback packet. Takes a prefix of `arrivals`: up to where the packet is full or two
  /// arrivals are further apart than a delta can say, and moves `base` along. When none of them
  /// arrived there is nothing to say: all are taken, nothing is written.
  Added add_transport_feedback(Ssrc sender, Ssrc media, std::uint8_t feedback_count,
                               Arrivals& arrivals);

 private:
  [[nodiscard]] std::size_t room() const { return buffer_.size() - size_; }
  /// A writer over the next `size` bytes with the RTCP header written; size is a multiple of 4.
  ByteWriter begin(std::uint8_t count_or_format, std::uint8_t packet_type, std::size_t size);

  MutableBytes buffer_;
  std::size_t size_ = 0;
};

}  // namespace meridian::rtcp
