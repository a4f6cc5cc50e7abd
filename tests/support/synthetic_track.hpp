#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "base/rtp_types.hpp"
#include "base/time.hpp"
#include "rtcp/packet.hpp"
#include "rtp/media.hpp"
#include "support/media_stamp.hpp"

namespace meridian::test {

/// Payload types and header extension ids of every offer of LivekitClient.
namespace offered {
inline constexpr std::uint8_t kOpus = 111;
inline constexpr std::uint8_t kRed = 63;
inline constexpr std::uint8_t kVp8 = 96;
inline constexpr std::uint8_t kVp8Rtx = 97;
inline constexpr std::uint8_t kAudioLevelId = 1;
inline constexpr std::uint8_t kTransportSequenceId = 3;
inline constexpr std::uint8_t kMidId = 4;
inline constexpr std::uint8_t kRidId = 10;
inline constexpr std::uint8_t kRepairedRidId = 11;
}  // namespace offered

struct VideoLayerShape {
  /// Empty: the only layer, without simulcast.
  std::string rid;
  std::size_t frame_bytes = 0;
  std::size_t key_frame_bytes = 0;
};

/// What a synthetic track sends. Defaults are those of LiveKit's JavaScript client with a camera of
/// 720p: 150, 500 and 1700 kbit/s.
struct TrackShape {
  rtp::MediaKind kind = rtp::MediaKind::kAudio;
  Duration frame_interval = 20ms;
  std::size_t audio_bytes = 120;
  /// dBov below full scale, as the audio level extension says.
  std::uint8_t audio_level = 30;
  /// After so many frames of sound so many of silence follow, over and over; 0: none.
  std::uint32_t speech_frames = 0;
  std::uint32_t silent_frames = 0;
  /// Each packet of sound carries the frame before it once more (RFC 2198), as Chromium does.
  bool has_redundancy = false;
  /// Said to the server, which must not look into it then.
  bool is_encrypted = false;
  /// Whether what the server has no need to read is hidden from it: all of a frame behind the
  /// payload descriptor and the first byte of VP8, and of Opus behind its first byte.
  StampForm form = StampForm::kPlain;
  /// The longest payload of video.
  std::size_t max_payload = 1100;
  std::vector<VideoLayerShape> layers;
  /// Per cent by which a frame of video is smaller or larger than its layer's shape says, drawn.
  std::uint32_t spread = 0;

  static TrackShape audio() { return {}; }
  [[nodiscard]] bool is_silent(std::uint32_t frame) const {
    return silent_frames > 0 && frame % (speech_frames + silent_frames) >= speech_frames;
  }
  static TrackShape camera() {
    return {.kind = rtp::MediaKind::kVideo,
            .frame_interval = 33'333us,
            .layers = {{"q", 625, 3000}, {"h", 2083, 9000}, {"f", 7083, 30000}}};
  }
  /// One layer whose frames, key frames too, are bursts of packets that take 1200 bytes each as
  /// SRTP with AEAD.
  static TrackShape bursts(std::size_t packets, Duration frame_interval) {
    constexpr std::size_t kPayload = 1200 - 12 - 8 - 16;  // header, extension, tag
    return {.kind = rtp::MediaKind::kVideo,
            .frame_interval = frame_interval,
            .max_payload = kPayload,
            .layers = {{"", packets * kPayload, packets * kPayload}}};
  }
};

/// A packet that a client made, in plain.
struct OutgoingPacket {
  Bytes bytes;
  MediaStamp stamp;
  bool is_retransmission = false;
};

/// The sending half of a track: makes frames and packets of them, as a browser does that encodes
/// VP8 with three temporal layers and simulcast, or Opus. Time and feedback in, packets out.
class SyntheticTrack {
 public:
  using Output = std::function<void(const OutgoingPacket& packet)>;
  /// Packets of a layer that are kept for retransmissions.
  static constexpr std::size_t kHistory = 512;
  static constexpr std::size_t kSoundHistory = 32;
  static constexpr Duration kReportInterval = 1s;

  SyntheticTrack(std::uint32_t source, TrackShape shape, std::string mid, RandomSource& random);

  [[nodiscard]] std::uint32_t source() const { return source_; }
  [[nodiscard]] const TrackShape& shape() const { return shape_; }
  [[nodiscard]] const std::string& mid() const { return mid_; }
  [[nodiscard]] Ssrc ssrc(std::size_t layer) const { return layers_[layer].ssrc; }
  /// Ssrc{} for sound, which has none.
  [[nodiscard]] Ssrc rtx_ssrc(std::size_t layer) const {
    return shape_.kind == rtp::MediaKind::kVideo ? layers_[layer].rtx_ssrc : Ssrc{};
  }
  [[nodiscard]] std::size_t layer_count() const { return layers_.size(); }
  /// Frames made so far in a layer.
  [[nodiscard]] std::uint32_t frames(std::size_t layer) const { return layers_[layer].frame; }

  /// Frames are made from `now` on; the first of each layer is a key frame.
  void start(Instant now);
  void stop();
  [[nodiscard]] bool is_running() const { return is_running_; }
  /// Highest layer that is sent; those above pause (dynacast).
  void set_max_layer(int layer);

  [[nodiscard]] Instant next_timeout() const {
    return is_running_ ? next_frame_ : Instant::never();
  }
  void handle_timeout(Instant now, std::uint16_t& transport_sequence, const Output& output);

  /// Feedback about any of this track's SSRCs; others are ignored.
  void handle_nack(const rtcp::Nack& nack, std::uint16_t& transport_sequence, const Output& output);
  void handle_key_frame_request(Ssrc media);
  void handle_report_block(const rtcp::ReportBlock& block);

  /// The sender reports that are due.
  void add_reports(Instant now, std::vector<rtcp::SenderReport>& reports);
  [[nodiscard]] std::uint64_t packets_sent() const { return packets_sent_; }
  [[nodiscard]] std::uint64_t retransmissions_sent() const { return retransmissions_sent_; }
  [[nodiscard]] std::uint64_t key_frames_asked() const { return key_frames_asked_; }

 private:
  struct Kept {
    MediaStamp stamp;
    RtpTimestamp timestamp;
    bool marker = false;
    std::uint16_t sequence = 0;
    std::vector<std::uint8_t> payload;
  };
  struct Layer {
    Ssrc ssrc;
    Ssrc rtx_ssrc;
    std::uint16_t sequence = 0;
    std::uint16_t rtx_sequence = 0;
    std::uint32_t timestamp_offset = 0;
    std::uint32_t frame = 0;
    std::uint16_t picture_id = 0;
    std::uint8_t tl0_picture_index = 0;
    std::uint8_t key_index = 0;
    std::uint8_t pattern = 0;  // place in the temporal pattern
    bool needs_key_frame = true;
    bool is_acknowledged = false;  // mid and rid are known to the server
    std::uint32_t packets = 0;
    std::uint32_t octets = 0;
    std::vector<Kept> history;
    struct {
      RtpTimestamp timestamp;
      std::vector<std::uint8_t> frame;
    } last_sound;
  };

  void make_audio(Instant now, const Output& output);
  [[nodiscard]] static std::vector<std::uint8_t> with_redundancy(const Layer& layer,
                                                                 const Kept& packet);
  void make_video(Layer& layer, std::uint8_t index, Instant now, std::uint16_t& transport_sequence,
                  const Output& output);
  [[nodiscard]] std::size_t write_vp8_descriptor(Layer& layer, bool is_first, bool is_key,
                                                 MutableBytes out) const;
  void send(Layer& layer, std::uint8_t index, const Kept& packet, bool is_retransmission,
            std::uint16_t* transport_sequence, const Output& output);
  [[nodiscard]] RtpTimestamp timestamp(const Layer& layer, Instant now) const;

  std::uint32_t source_;
  TrackShape shape_;
  std::string mid_;
  std::vector<Layer> layers_;
  int max_layer_ = 7;
  bool is_running_ = false;
  Instant next_frame_;
  Instant next_report_;
  std::uint64_t packets_sent_ = 0;
  std::uint64_t retransmissions_sent_ = 0;
  std::uint64_t key_frames_asked_ = 0;
};

}  // namespace meridian::test
