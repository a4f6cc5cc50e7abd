#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/ids.hpp"
#include "base/rtp_types.hpp"
#include "base/time.hpp"
#include "forward/commands.hpp"
#include "forward/history.hpp"
#include "forward/layer_rates.hpp"
#include "forward/layer_selector.hpp"
#include "forward/media_packet.hpp"
#include "forward/speaker_detector.hpp"
#include "forward/talkspurts.hpp"
#include "metrics/transit.hpp"
#include "residency/permit.hpp"
#include "rtcp/keyframe_throttle.hpp"
#include "rtcp/send_stats.hpp"

namespace meridian::forward {

class Subscription;
class RelaySink;

/// What a publication is, for its whole life.
struct PublicationTraits {
  PublicationId id;
  RoomNumber room;
  rtp::MediaKind kind = rtp::MediaKind::kAudio;
  bool is_screen_share = false;
  bool is_encrypted = false;
  /// Of sound: how many of the room's are sent on at once, the loudest; 0: all.
  std::uint8_t loudest = 0;
};

/// A packet that waits for the end of the batch, when all subscribers get what came.
struct PendingPacket {
  std::uint8_t layer = 0;
  std::uint32_t generation = 0;
  ExtendedSequence sequence;
  /// Of sound: where its talkspurt begins.
  ExtendedSequence talkspurt = {};
  /// Only for relays, whose workers decide for themselves.
  bool is_withheld = false;
  friend bool operator==(const PendingPacket&, const PendingPacket&) = default;
};

/// Another worker that gets layers of a publication, or another room on any worker.
struct RelayTarget {
  WorkerIndex to;
  /// What the publication is called there, and in which room.
  PublicationId sink = {};
  RoomNumber room = {};
  residency::Permit<residency::RelayLeg> permit;
  /// As it asked: see RelaySlot::layers.
  std::uint8_t wanted = 0;
  /// Layers that it gets until it asks anew, even when another one comes nearer to what it wants:
  /// its subscribers need the old layer until a key frame of the new one begins there.
  std::uint8_t served = 0;
  /// What was put into the ring since the last report.
  metrics::TransitCounts transit = {};
};

/// A track on this worker, local or fed by a relay: the history of its layers, who subscribes, and
/// what they want of the publisher. Packets are stored as they come, and handed to the subscribers
/// at the end of the batch, one subscriber after the other: that keeps a subscriber's keys in the
/// cache and its packets together for UDP_SEGMENT.
class Publication {
 public:
  static constexpr std::size_t kMaxPending = 32;
  /// How old a key frame may be with which somebody new begins: a picture should not begin far in
  /// the past.
  static constexpr Duration kMaxReplay = 1s;
  /// A layer that is silent for this long while another is not has stopped. Screen shares come at
  /// 5 frames a second and less.
  static constexpr Duration kCameraSilence = 500ms;
  static constexpr Duration kScreenSilence = 2500ms;

  explicit Publication(const PublicationTraits& traits);
  Publication(const Publication&) = delete;
  Publication& operator=(const Publication&) = delete;
  ~Publication();

  [[nodiscard]] const PublicationTraits& traits() const { return traits_; }
  [[nodiscard]] PublicationId id() const { return traits_.id; }
  [[nodiscard]] bool is_video() const { return traits_.kind == rtp::MediaKind::kVideo; }

  /// When the memory for the packets of a layer is taken.
  enum class Memory : std::uint8_t { kNow, kAtFirstPacket };
  /// The publication has `count` layers (1 to kMaxLayers) from now on; those that exist stay.
  void set_layer_count(std::size_t count, Memory memory);
  [[nodiscard]] std::size_t layer_count() const { return layers_.size(); }
  [[nodiscard]] LayerView view() const;
  /// Newest layer that comes, at or below `wanted`; otherwise the lowest that comes.
  [[nodiscard]] std::uint8_t nearest_layer(std::uint8_t wanted) const;

  struct Layer {
    explicit Layer(std::uint8_t index) : throttle(index) {}
    std::optional<History> history;
    bool is_released = false;  // it had one before the track was muted
    rtcp::KeyframeThrottle throttle;
    rtp::Codec codec = rtp::Codec::kUnknown;
    std::uint32_t clock_rate = 0;
    Ssrc ssrc;
    std::optional<rtcp::SourceClock> clock;
    Instant last_arrival;
    /// The highest number stored, and its generation.
    ExtendedSequence newest;
    std::uint32_t newest_generation = 0;
    bool has_started = false;
    /// The first packet of the last key frame, and what came since; never() before there was one.
    PendingPacket key;
    Instant key_arrival = Instant::never();
    std::size_t bytes_since_key = 0;
  };
  /// `index` < layer_count().
  [[nodiscard]] Layer& layer(std::size_t index) { return *layers_[index]; }
  [[nodiscard]] const Layer& layer(std::size_t index) const { return *layers_[index]; }

  enum class Ingest : std::uint8_t {
    kStored,
    kStarted,  // stored, and the first packet of its layer, or of a new codec in it
    kRefused,
  };
  /// Stores a packet and makes it pending. There must be room: see is_full().
  Ingest ingest(std::uint8_t layer, const MediaPacket& packet, std::uint32_t clock_rate);
  /// A pending packet; null when it was overwritten since, which a full history may bring about.
  [[nodiscard]] const MediaPacket* find(const PendingPacket& pending) const;
  /// The first packet of the layer's last key frame, when little enough came since to be sent again
  /// to somebody new: kMaxReplay of media at most, and `most` bytes.
  [[nodiscard]] std::optional<PendingPacket> recent_key_frame(std::uint8_t layer, std::size_t most,
                                                              Instant now) const;
  [[nodiscard]] bool is_full() const { return pending_count_ == kMaxPending; }
  [[nodiscard]] bool has_pending() const { return pending_count_ > 0; }
  [[nodiscard]] std::span<const PendingPacket> pending() const {
    return std::span(pending_).first(pending_count_);
  }
  void clear_pending() { pending_count_ = 0; }

  void add_subscription(Subscription& subscription) { subscriptions_.push_back(&subscription); }
  void remove_subscription(const Subscription& subscription);
  [[nodiscard]] std::span<Subscription* const> subscriptions() const { return subscriptions_; }

  [[nodiscard]] std::vector<RelayTarget>& relays() { return relays_; }
  [[nodiscard]] const std::vector<RelayTarget>& relays() const { return relays_; }
  /// Null for a local publication.
  [[nodiscard]] RelaySink* sink() { return sink_.get(); }
  void set_sink(std::unique_ptr<RelaySink> sink);

  /// Takes the memory again that release_history() gave back, before packets come.
  void set_muted(bool is_muted);
  [[nodiscard]] bool is_muted() const { return is_muted_; }
  /// Gives back the memory of layers of a muted track of which nothing may be sent again any more.
  void release_history(Instant now);

  /// Somebody can't decode without a key frame of this layer, or of what comes in its place.
  void request_key_frame(std::uint8_t layer);
  /// Asks on behalf of all subscribers that wait for one.
  void request_awaited_key_frames();

  /// Layers that subscribers and relays want, bit i = layer i; 0: nobody wants anything. What a
  /// subscriber still gets while it waits to be switched is only in it with `kForwarded`.
  enum class Wish : std::uint8_t { kTargets, kForwarded };
  [[nodiscard]] std::uint8_t wanted_layers(Wish wish) const;
  /// Whether somebody who may have wished for it went since the last call.
  void note_lost_wishes() { has_lost_wishes_ = true; }
  [[nodiscard]] bool take_lost_wishes() { return std::exchange(has_lost_wishes_, false); }
  /// What changed in the highest layer wanted since the last call.
  [[nodiscard]] std::optional<LayersWanted> take_wanted_change();

  /// What its layers cost, and in which ways it can be forwarded; of video.
  [[nodiscard]] LayerRates& rates() { return rates_; }
  [[nodiscard]] const Ladder& ladder() const { return ladder_; }
  /// To be called before ladder() is read, now and then: layers come and go.
  void update_ladder();

  [[nodiscard]] AudioActivity& activity() { return activity_; }
  /// Why subscribers don't get the last packet; nothing: they do.
  [[nodiscard]] std::optional<Talkspurts::Withheld> withheld() const { return withheld_; }
  /// Those of the room with which it competes for a place among the loudest; null: none. They must
  /// outlive the publication.
  void set_rivals(LoudestSounds* rivals) { rivals_ = rivals; }
  /// Length of the audio in a packet, from the distance to the one before.
  [[nodiscard]] Duration audio_length(const MediaPacket& packet, std::uint32_t clock_rate);

 private:
  void decide_sound(const MediaPacket& packet, PendingPacket& pending);

  PublicationTraits traits_;
  std::vector<std::unique_ptr<Layer>> layers_;
  std::array<PendingPacket, kMaxPending> pending_{};
  std::size_t pending_count_ = 0;
  std::vector<Subscription*> subscriptions_;
  std::vector<RelayTarget> relays_;
  std::unique_ptr<RelaySink> sink_;
  bool is_muted_ = false;
  bool has_lost_wishes_ = false;
  std::optional<std::uint8_t> told_wanted_;
  LayerRates rates_;
  Ladder ladder_;
  AudioActivity activity_;
  Talkspurts talkspurts_;
  std::optional<Talkspurts::Withheld> withheld_;
  /// What the publisher said last of its sound.
  std::optional<std::uint8_t> level_;
  LoudestSounds* rivals_ = nullptr;
  RtpTimestamp last_audio_;
  Instant latest_arrival_;
};

}  // namespace meridian::forward
