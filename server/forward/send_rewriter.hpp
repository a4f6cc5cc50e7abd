#pragma once

#include <cstdint>
#include <optional>

#include "base/rtp_types.hpp"
#include "base/time.hpp"
#include "forward/continuous_map.hpp"
#include "forward/media_packet.hpp"
#include "rtcp/send_stats.hpp"

namespace meridian::forward {

/// The numbers that a packet carries towards one subscriber, in place of the publisher's.
struct Rewrite {
  ExtendedSequence sequence;
  RtpTimestamp timestamp;
  std::uint16_t picture_id = 0;
  std::uint16_t frame_number = 0;  // of the dependency descriptor
  std::uint8_t tl0_picture_index = 0;
  std::uint8_t key_index = 0;
  bool marker = false;
};

/// Makes one continuous RTP stream out of the layers and generations that a subscriber is switched
/// between: sequence numbers without gaps of our making, timestamps that advance as time does, and
/// picture numbers that go on. No two packets ever get the same sequence number.
class SendRewriter {
 public:
  /// Without usable clocks the time between two packets is what their arrivals say; what sender
  /// reports say is believed when it differs from that by no more than this.
  static constexpr Duration kMaxClockDisagreement = 2s;

  /// `first` is the sequence number of the first packet sent.
  explicit SendRewriter(ExtendedSequence first) : next_(first) {}

  /// From this packet on the stream continues with the packet's layer. `clock` is the layer's last
  /// sender report when there is one; `clock_rate` in Hz.
  void begin(const MediaPacket& packet, std::uint8_t layer, std::uint32_t clock_rate,
             const std::optional<rtcp::SourceClock>& clock);

  /// The numbers for a packet of the stream. Nothing: it is from before the last begin(), or too
  /// late to be placed. `clock` as in begin().
  [[nodiscard]] std::optional<Rewrite> rewrite(const MediaPacket& packet,
                                               const std::optional<rtcp::SourceClock>& clock);

  /// The stream goes on at `from`: all between the newest packet and that was left out.
  void resume(ExtendedSequence from);

  /// Packets that were given the numbers from `first` on were never sent after all: what the stream
  /// goes on with gets these numbers. To be followed by begin().
  void take_back(ExtendedSequence first) { taken_back_ = first; }

  /// Leaves a packet of the stream out.
  void drop(const MediaPacket& packet);

  /// Where an SSRC that is used again must go on.
  [[nodiscard]] ExtendedSequence next_sequence() const;
  /// Sent minus received timestamp, modulo 2^32.
  [[nodiscard]] std::uint32_t timestamp_offset() const { return timestamp_offset_; }

 private:
  [[nodiscard]] std::uint32_t aligned_step(const MediaPacket& packet, std::uint8_t layer,
                                           std::uint32_t clock_rate,
                                           const std::optional<rtcp::SourceClock>& clock) const;
  void begin_picture_numbers(const MediaPacket& packet);
  [[nodiscard]] std::uint64_t extend_picture_id(const PictureNumbers& picture) const;
  [[nodiscard]] std::optional<std::uint16_t> map_picture_id(const MediaPacket& packet);

  bool has_begun_ = false;
  ExtendedSequence next_;
  std::optional<ExtendedSequence> taken_back_;
  ContinuousMap sequences_;

  std::uint32_t timestamp_offset_ = 0;
  // The newest packet sent, as received.
  RtpTimestamp last_source_timestamp_;
  std::uint8_t last_layer_ = 0;
  std::uint32_t last_generation_ = 0;
  Instant last_arrival_;
  ExtendedSequence last_sequence_;  // in the source
  std::optional<rtcp::SourceClock> last_clock_;

  // Picture ids of VP8 are closed up like sequence numbers, since its receivers wait for missing
  // ones. Those of VP9 only move at a switch: their distance says which frame refers to which.
  bool has_picture_ids_ = false;
  ContinuousMap pictures_;
  std::uint64_t last_picture_ = 0;  // extended, in the source
  std::uint64_t next_picture_ = 0;
  std::uint8_t tl0_offset_ = 0;
  std::uint8_t last_tl0_ = 0;
  std::uint8_t key_offset_ = 0;
  std::uint8_t last_key_ = 0;
  std::uint16_t frame_offset_ = 0;
  std::uint16_t last_frame_ = 0;
  bool has_frames_ = false;
};

}  // namespace meridian::forward
