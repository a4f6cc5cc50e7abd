#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/bytes.hpp"
#include "base/rtp_types.hpp"
#include "base/strong.hpp"
#include "base/time.hpp"
#include "rtp/media.hpp"

/// Values of the header extensions that Meridian understands. read_*() takes the value of one
/// element (PacketView::extension) and gives nothing when its size or content is wrong; encode_*()
/// gives the value for ExtensionList::add_copy().
namespace meridian::rtp {

/// RFC 6464.
struct AudioLevel {
  /// How far below full scale, in dB: 0 is loudest, 127 is silence.
  std::uint8_t below_full_scale = 127;
  bool has_voice = false;
  friend bool operator==(const AudioLevel&, const AudioLevel&) = default;
};
[[nodiscard]] std::optional<AudioLevel> read_audio_level(Bytes value);
[[nodiscard]] std::array<std::uint8_t, 1> encode_audio_level(AudioLevel level);

/// mid, rid and repaired rid (RFC 9143, RFC 8852). Write them with as_bytes(token.view()).
[[nodiscard]] std::optional<Token> read_token(Bytes value);

/// Number of a packet in its transport (draft-holmer-rmcat-transport-wide-cc-extensions-01). The
/// second version of the extension, with a request for feedback, is read too, its request ignored.
[[nodiscard]] std::optional<SequenceNumber> read_transport_sequence(Bytes value);
[[nodiscard]] std::array<std::uint8_t, 2> encode_transport_sequence(SequenceNumber sequence);

/// abs-send-time: 24 bits, seconds as 6.18 fixed point, wraps each 64 s.
using AbsSendTime = base::StrongInt<struct AbsSendTimeTag, std::uint32_t>;
[[nodiscard]] std::optional<AbsSendTime> read_abs_send_time(Bytes value);
[[nodiscard]] std::array<std::uint8_t, 3> encode_abs_send_time(AbsSendTime time);
/// The origin is arbitrary by definition, so the monotonic clock serves. `at` is not never().
[[nodiscard]] AbsSendTime to_abs_send_time(Instant at);
/// From `earlier` to `later`, in [-32 s, 32 s).
[[nodiscard]] Duration abs_send_time_difference(AbsSendTime later, AbsSendTime earlier);

/// abs-capture-time.
struct AbsCaptureTime {
  /// NTP time of the capture, 32.32 fixed point.
  std::uint64_t ntp = 0;
  /// Estimated offset of the capturer's clock to the sender's, 32.32 fixed point.
  std::optional<std::int64_t> clock_offset;
  friend bool operator==(const AbsCaptureTime&, const AbsCaptureTime&) = default;
};
[[nodiscard]] std::optional<AbsCaptureTime> read_abs_capture_time(Bytes value);
struct EncodedAbsCaptureTime {
  std::array<std::uint8_t, 16> bytes;
  std::size_t size;
  [[nodiscard]] Bytes view() const { return Bytes(bytes).first(size); }
};
[[nodiscard]] EncodedAbsCaptureTime encode_abs_capture_time(const AbsCaptureTime& time);

/// playout-delay: what the receiver shall keep as delay. Steps of 10 ms, at most 40.95 s.
struct PlayoutDelay {
  Duration min{};
  Duration max{};
  friend bool operator==(const PlayoutDelay&, const PlayoutDelay&) = default;
};
[[nodiscard]] std::optional<PlayoutDelay> read_playout_delay(Bytes value);
/// Rounds down to the step and clamps to what the field can hold.
[[nodiscard]] std::array<std::uint8_t, 3> encode_playout_delay(const PlayoutDelay& delay);

/// urn:3gpp:video-orientation (3GPP TS 26.114 section 7.4.5).
struct VideoOrientation {
  bool is_back_camera = false;
  bool is_flipped = false;
  /// Clockwise turns of 90 degrees that the receiver must apply: 0 to 3.
  std::uint8_t quarter_turns = 0;
  friend bool operator==(const VideoOrientation&, const VideoOrientation&) = default;
};
[[nodiscard]] std::optional<VideoOrientation> read_video_orientation(Bytes value);
[[nodiscard]] std::array<std::uint8_t, 1> encode_video_orientation(VideoOrientation orientation);

/// One active spatial layer of a sender.
struct AllocatedLayer {
  static constexpr std::size_t kMaxTemporalLayers = 4;
  std::uint8_t stream = 0;  // index of the RTP stream (rid), in the order of the SDP
  std::uint8_t spatial = 0;
  std::uint8_t temporal_layers = 1;
  /// Needed to receive up to temporal layer i, the layers below included.
  std::array<Bitrate, kMaxTemporalLayers> bitrates{};
  /// Zero when the sender does not tell.
  std::uint16_t width = 0;
  std::uint16_t height = 0;
  std::uint8_t frame_rate = 0;
};

/// video-layers-allocation00: which layers a sender encodes now, and at what rate.
class VideoLayersAllocation {
 public:
  static constexpr std::size_t kMaxStreams = 4;
  static constexpr std::size_t kMaxLayers = 16;
  /// The RTP stream on which this was sent.
  std::uint8_t stream = 0;
  std::uint8_t stream_count = 0;
  /// By (stream, spatial) ascending; empty when the sender sends nothing.
  [[nodiscard]] std::span<const AllocatedLayer> layers() const {
    return std::span(layers_).first(size_);
  }

 private:
  friend std::optional<VideoLayersAllocation> read_video_layers_allocation(Bytes value);
  std::array<AllocatedLayer, kMaxLayers> layers_{};
  std::size_t size_ = 0;
};
[[nodiscard]] std::optional<VideoLayersAllocation> read_video_layers_allocation(Bytes value);

}  // namespace meridian::rtp
