#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/rtp_types.hpp"
#include "base/time.hpp"
#include "forward/frame_reader.hpp"
#include "rtcp/nack_generator.hpp"
#include "rtcp/receive_stats.hpp"
#include "rtcp/send_stats.hpp"
#include "rtp/sequence.hpp"

namespace meridian::forward {

/// Which of the last sequence numbers came, so that a packet that comes again (by its own RTX, or
/// late) is seen once.
class DuplicateFilter {
 public:
  static constexpr std::size_t kWindow = 1024;

  /// False: it came before, or is too old to tell.
  bool accept(ExtendedSequence sequence);
  void reset() { *this = DuplicateFilter(); }

 private:
  std::bitset<kWindow> seen_;
  ExtendedSequence highest_;
  bool has_any_ = false;
};

/// Receiving side of one layer: order, duplicates, loss, clock and frames of its primary SSRC.
/// About 24 KiB, of which the NACK ring is half; made when the media section is configured.
class ReceiveStream {
 public:
  /// Jumps of more than this are a restart of the sender, once a second packet confirms it (RFC
  /// 3550 A.1).
  static constexpr int kMaxJump = 3000;

  /// `generation` differs from that of every other stream that fed, or feeds, the same publication:
  /// its history and its subscribers tell packets apart by generation and sequence number.
  explicit ReceiveStream(std::uint32_t generation = 1) : generation_(generation) {}

  enum class Origin : std::uint8_t { kPrimary, kRetransmission };
  /// Takes a packet's sequence number; nothing when it is a duplicate, too old, or the first of a
  /// jump that is not confirmed yet.
  [[nodiscard]] std::optional<ExtendedSequence> take(SequenceNumber sequence, Instant arrival,
                                                     Origin origin);
  /// To be called for each packet of the primary SSRC that take() accepted.
  void count(ExtendedSequence sequence, RtpTimestamp timestamp, std::uint32_t clock_rate,
             Instant arrival);
  void handle_sender_report(rtcp::NtpTime ntp, RtpTimestamp rtp, Instant arrival);
  /// Another SSRC takes over, or the sender began anew.
  void restart() { restart(generation_ + 1); }
  void restart(std::uint32_t generation);

  [[nodiscard]] std::uint32_t generation() const { return generation_; }
  [[nodiscard]] std::uint32_t clock_rate() const { return clock_rate_; }
  [[nodiscard]] const std::optional<rtcp::SourceClock>& clock() const { return clock_; }
  [[nodiscard]] FrameReader& frames() { return frames_; }
  [[nodiscard]] rtcp::NackGenerator& nacks() { return nacks_; }
  /// True once when more is lost than can be asked for again.
  [[nodiscard]] bool take_key_frame_wish() { return std::exchange(wants_key_frame_, false); }
  /// None before the first packet.
  [[nodiscard]] std::optional<rtcp::ReceiveStats>& stats() { return stats_; }

  struct Loss {
    std::uint64_t expected = 0;
    std::uint64_t lost = 0;
  };
  /// Since the last call.
  [[nodiscard]] Loss take_loss();

 private:
  [[nodiscard]] bool confirms_jump(SequenceNumber sequence);

  rtp::SequenceUnwrapper unwrapper_;
  DuplicateFilter duplicates_;
  rtcp::NackGenerator nacks_;
  FrameReader frames_;
  std::optional<rtcp::ReceiveStats> stats_;
  std::optional<rtcp::SourceClock> clock_;
  std::uint32_t clock_rate_ = 0;
  std::uint32_t generation_;
  bool wants_key_frame_ = false;
  std::optional<SequenceNumber> jump_;  // would continue a jump seen last
  std::uint64_t received_before_ = 0;
  std::int64_t lost_before_ = 0;
};

}  // namespace meridian::forward
