#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/rtp_types.hpp"
#include "base/time.hpp"
#include "rtcp/packet.hpp"
#include "rtp/media.hpp"
#include "rtp/packet.hpp"
#include "support/media_stamp.hpp"

namespace meridian::test {

/// Totals of one received track.
struct ReceivedCounts {
  std::uint64_t packets = 0;  // first copies
  std::uint64_t bytes = 0;    // of RTP packets, headers included
  std::uint64_t recovered = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t reordered = 0;
  std::uint64_t lost = 0;  // given up
  std::uint64_t nacks_sent = 0;
  std::uint64_t key_frames_asked = 0;
  /// Frames that a decoder would have shown; each packet of audio is one.
  std::uint64_t frames = 0;
  /// Frames of sound that could be played, since they came within kPlayout; each counts once, be it
  /// in a packet of its own or in those that follow it.
  std::uint64_t frames_played = 0;
  /// Longest time of which nothing could be played, a frame included.
  Duration longest_gap{};
  /// Frames that were left out between two that were shown, in one layer: lost, or of temporal
  /// layers that were not sent.
  std::uint64_t frames_skipped = 0;
  std::uint64_t layer_switches = 0;
  /// From making the packet to its arrival, first copies only.
  Duration delay_sum{};
  Duration delay_max{};
};

/// The receiving half of a track as a browser has it: order, retransmissions, frames and a decoder
/// that needs every frame of the lowest temporal layer since the last key frame, and for a frame of
/// another one the last of those (SyntheticTrack marks them all as layer sync). It also checks what
/// no server may do; each such finding is a sentence in violations().
class ReceivedTrack {
 public:
  /// What is missing isn't asked for at once, since it may only be out of order: at least, and at
  /// most; in between as long as packets were late of late.
  static constexpr Duration kReorderDelay = 10ms;
  static constexpr Duration kMaxReorderDelay = 200ms;
  static constexpr Duration kNackInterval = 60ms;
  static constexpr Duration kGiveUp = 1s;
  /// A frame of sound is played so long after the earliest moment at which one could be, so that
  /// those have a place that come later, or once more.
  static constexpr Duration kPlayout = 200ms;
  /// Sound is asked for again after 5 ms and one and a half round trips of 60 ms, as Chromium does.
  static constexpr Duration kSoundNackInterval = 95ms;
  static constexpr std::size_t kMaxMissing = 1000;
  static constexpr std::size_t kMaxViolations = 8;
  /// Sequence numbers whose content is remembered.
  static constexpr std::size_t kWindow = 2048;
  /// A decoder that waits this long for a frame asks for a key frame, and again each interval.
  static constexpr Duration kKeyFrameWait = 300ms;
  static constexpr Duration kKeyFrameInterval = 500ms;

  struct Traits {
    std::string sid;
    std::string mid;
    rtp::MediaKind kind = rtp::MediaKind::kAudio;
    Ssrc ssrc;
    Ssrc rtx_ssrc;  // Ssrc{} without
    /// Asks for what is missing: by RTX, or in the stream itself.
    bool asks_again = false;
  };
  explicit ReceivedTrack(Traits traits) : traits_(std::move(traits)) {}

  [[nodiscard]] const Traits& traits() const { return traits_; }
  [[nodiscard]] const ReceivedCounts& counts() const { return counts_; }
  /// How often its sequence numbers began anew at 0.
  [[nodiscard]] std::uint64_t wraps() const {
    return highest_ ? highest_->value() / 0x10000U - base_ / 0x10000U : 0;
  }
  [[nodiscard]] const std::vector<std::string>& violations() const { return violations_; }
  /// The newest frame that was shown.
  [[nodiscard]] const std::optional<MediaStamp>& last_frame() const { return last_frame_; }

  /// A packet under ssrc(); or one recovered from rtx_ssrc(), with its original sequence number.
  enum class Origin : std::uint8_t { kPrimary, kRetransmission };
  void handle_media(const rtp::PacketView& packet, SequenceNumber sequence, Bytes payload,
                    Origin origin, Instant now);
  void handle_sender_report(const rtcp::SenderReport& report, Instant now);

  /// Sequence numbers to ask for now, ascending.
  [[nodiscard]] std::vector<SequenceNumber> take_nacks(Instant now);
  [[nodiscard]] bool take_key_frame_request(Instant now);
  [[nodiscard]] std::optional<rtcp::ReportBlock> take_report(Instant now);

 private:
  struct Seen {
    std::uint64_t sequence = 0;
    std::uint64_t content = 0;
  };
  struct Missing {
    Instant since;
    Instant due;
  };
  struct Frame {
    MediaStamp stamp;  // of any packet
    std::uint32_t timestamp = 0;
    std::uint16_t picture_id = 0;
    std::uint8_t tl0_picture_index = 0;
    std::uint8_t temporal = 0;
    std::uint16_t received = 0;
    std::array<std::uint64_t, 4> seen{};
    Instant first_arrival;
    [[nodiscard]] bool is_complete() const { return received == stamp.packets; }
  };
  using FrameKey = std::pair<std::uint8_t, std::uint32_t>;  // layer, frame

  void take_sequence(ExtendedSequence sequence, Origin origin, Instant now);
  void take_sound_packet(const rtp::PacketView& packet, Bytes payload, Instant now);
  void take_sound(Bytes frame, Instant now);
  void play_until(Instant now);
  [[nodiscard]] Bytes content_of(const rtp::PacketView& packet, Bytes payload);
  void take_video(const MediaStamp& stamp, const rtp::PacketView& packet, Bytes payload,
                  Instant now);
  [[nodiscard]] static bool follows(const Frame& last, const Frame& next);
  [[nodiscard]] static bool is_decodable(const Frame& last, const Frame& next);
  [[nodiscard]] std::optional<FrameKey> find_next() const;
  void decode(Instant now);
  void show(const FrameKey& key);
  void check_numbers(const Frame& last, const Frame& next, bool is_successor);
  void violate(const std::string& sentence);

  Traits traits_;
  ReceivedCounts counts_;
  std::vector<std::string> violations_;
  std::optional<ExtendedSequence> highest_;
  std::uint64_t base_ = 0;
  std::uint64_t expected_before_ = 0;
  std::uint64_t received_before_ = 0;
  std::map<std::uint64_t, Missing> missing_;
  Duration reorder_delay_ = kReorderDelay;
  std::vector<Seen> seen_ = std::vector<Seen>(kWindow);
  std::map<FrameKey, Frame> frames_;
  std::optional<Frame> shown_;
  std::optional<MediaStamp> last_frame_;
  Instant stuck_since_ = Instant::never();
  Instant next_key_frame_request_;
  /// Frames of sound that came in time and aren't played yet: when each was made.
  std::map<std::uint32_t, Instant> to_play_;
  Duration least_delay_ = Duration::max();
  std::optional<std::uint32_t> last_played_;
  Instant last_played_made_;
  std::uint32_t report_ntp_ = 0;
  Instant report_arrival_;
};

}  // namespace meridian::test
