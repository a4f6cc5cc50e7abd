#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.hpp"
#include "base/prefetch.hpp"
#include "base/rtp_types.hpp"
#include "base/time.hpp"
#include "forward/allocator.hpp"
#include "forward/commands.hpp"
#include "forward/downlink.hpp"
#include "forward/layer_selector.hpp"
#include "forward/media_packet.hpp"
#include "forward/pacing.hpp"
#include "forward/packet_composer.hpp"
#include "forward/send_rewriter.hpp"
#include "forward/sent_log.hpp"
#include "forward/sound_history.hpp"
#include "metrics/worker_counters.hpp"
#include "rtcp/nack_responder.hpp"
#include "rtcp/packet.hpp"
#include "rtcp/send_stats.hpp"
#include "transport/send_batch.hpp"
#include "transport/transport.hpp"

namespace meridian::forward {

class Publication;
class Sender;
class SoundForms;

/// Where the packets of one subscriber go, for the length of a call.
struct Outlet {
  transport::Transport& transport;
  transport::SendBatch& batch;
  metrics::WorkerCounters& counters;
  /// Of the transport: numbers each packet, and is told of each that was sent.
  Downlink& downlink;
  /// Where sound is kept to be sent again; null where no subscription of the transport needs it.
  SoundHistory* sound = nullptr;
  /// Of the batch that is forwarded; null outside of one.
  SoundForms* forms = nullptr;
  /// Of the transport: what has to wait.
  Pacing& pacing;
  Instant now;
  /// RTP padding of the packet that is forwarded next; see FramePadding.
  std::uint8_t padding = 0;
  /// Where its talkspurt begins, of sound; see Talkspurts.
  ExtendedSequence talkspurt = {};
};

/// First sequence numbers of the streams that a subscription sends.
struct FirstSequences {
  ExtendedSequence media;
  ExtendedSequence rtx;
};

/// One publication on its way to one subscriber: layer choice, rewriting, retransmissions and
/// reports. At most 8 KiB for a camera of up to 1.7 Mbit/s (a test holds it to that), made when the
/// command comes; nothing is allocated for a packet.
class Subscription {
 public:
  static constexpr Duration kReportInterval = 3s;
  /// Of header, extensions and tag, in the size of a packet that waits.
  static constexpr std::size_t kMostOverhead = 64;

  Subscription(const Subscribe& command, Publication& publication, Sender& sender,
               const FirstSequences& first);

  [[nodiscard]] SubscriptionId id() const { return id_; }
  [[nodiscard]] Sender& sender() { return *sender_; }
  /// Into the cache: what forward() needs of it.
  void prefetch() const { base::prefetch(this, sizeof *this); }
  void prefetch_log() const { base::prefetch(resend_.get(), sizeof(SentLog)); }
  void prefetch_log_entries() const {
    if (resend_ != nullptr) {
      resend_->log.prefetch_next();
    }
  }
  [[nodiscard]] Publication& publication() { return *publication_; }
  [[nodiscard]] const Publication& publication() const { return *publication_; }
  [[nodiscard]] Ssrc ssrc() const { return ssrc_; }
  /// Ssrc{} without retransmissions.
  [[nodiscard]] Ssrc rtx_ssrc() const { return rtx_ssrc_; }
  /// For SDES. One for each publication: streams with one name would be taken for one clock, and
  /// browsers find out by the description what belongs together.
  [[nodiscard]] std::string_view cname() const { return cname_; }
  /// Where these SSRCs must go on when they are used again.
  [[nodiscard]] FirstSequences next_sequences() const;

  /// What the client wishes.
  void set_target(const LayerTarget& target);
  [[nodiscard]] const LayerTarget& target() const { return wish_; }
  /// As much of it as there is room for.
  [[nodiscard]] const LayerTarget& allowed() const { return selector_.target(); }

  /// There is room for this rung of the publication's ladder: `kRung`, and for no more.
  enum class Bound : std::uint8_t { kNone, kRung };
  void allocate(const Rung& rung, Bound bound);
  /// There is no room for it at all.
  void pause();
  [[nodiscard]] bool is_paused() const { return is_paused_; }
  [[nodiscard]] bool is_limited() const { return is_paused_ || bound_ == Bound::kRung; }
  /// The rung that it was given last; nothing before that, and while it is paused.
  [[nodiscard]] const std::optional<Rung>& allocated() const { return allocated_; }

  [[nodiscard]] std::optional<std::uint8_t> current_layer() const { return selector_.current(); }
  [[nodiscard]] std::optional<std::uint8_t> awaits_key_frame(const LayerView& view) const {
    return selector_.awaits_key_frame(view);
  }

  /// Whether the subscriber was ever sent anything of it.
  [[nodiscard]] bool has_begun() const { return stats_.packets() > 0; }

  /// Takes each packet of the publication, of every layer, and sends what the subscriber gets.
  void forward(std::uint8_t layer, const MediaPacket& packet, const LayerView& view,
               Outlet& outlet);
  /// Whether packets of this layer may get padding: never for a subscriber that waits for more than
  /// it gets.
  [[nodiscard]] bool may_pad(std::uint8_t layer, const LayerView& view) const {
    return selector_.current() == layer && !selector_.awaits_key_frame(view);
  }
  /// How long the packet would be towards this subscriber, without padding and SRTP tag.
  [[nodiscard]] std::size_t sent_size(const MediaPacket& packet) const;
  /// The subscriber misses a packet: sends it again, or lets it wait for its turn.
  void retransmit(SequenceNumber sequence, Outlet& outlet);
  /// Whether its packets may have to be kept as they left, to be sent again: sound has no stream
  /// of retransmissions.
  [[nodiscard]] bool keeps_sound() const { return keeps_sound_; }
  /// The turn of a packet that waited has come.
  void release(const Pacing::Released& released, Outlet& outlet);
  /// What waits would come too late: it is dropped, and the stream goes on with the next key frame,
  /// under the numbers of what was dropped.
  void give_up(Outlet& outlet);
  /// Whether packets of its wait for their turn, those that are sent again aside.
  [[nodiscard]] bool has_waiting() const { return waiting_ > 0; }
  /// Takes out what waits, which is of no use any more. It was never sent, and all that was
  /// numbered after it waits, too: the key frame that comes next gets its numbers, so that the
  /// subscriber misses nothing. How many packets that were.
  std::size_t take_back_waiting(Pacing& pacing);

  /// Whether it has a stream of retransmissions in which padding can be sent, and about which the
  /// subscriber tells what arrives.
  [[nodiscard]] bool can_pad() const {
    return resend_ != nullptr && last_rtx_type_ != CodecTypes::kAbsent && is_numbered();
  }
  /// Sends a packet of padding, for a probe. Bytes sent; 0: it can't, or can't now.
  std::size_t send_padding(bwe::ProbeCluster cluster, Outlet& outlet);

  /// The sender report that is due; nothing when none is, or the publisher's clock isn't known.
  [[nodiscard]] std::optional<rtcp::SenderReport> poll_report(Instant now);
  /// A block about ssrc(); the round trip when it tells.
  std::optional<Duration> handle_report_block(const rtcp::ReportBlock& block, Instant now);
  /// Part of the last packets that the subscriber says it lost, 0 to 1; nothing since the last
  /// call.
  [[nodiscard]] std::optional<float> take_reported_loss();
  /// To be called each second: the budget of retransmissions follows what is sent.
  void update_rate(Duration elapsed);
  /// What was sent in the last second.
  [[nodiscard]] Bitrate rate() const { return rate_; }

 private:
  /// Payload types towards the subscriber; kAbsent where it doesn't take the codec.
  struct CodecTypes {
    static constexpr std::uint8_t kAbsent = 0xff;
    std::uint8_t media = kAbsent;
    std::uint8_t rtx = kAbsent;
  };
  static constexpr std::size_t kCodecs = static_cast<std::size_t>(rtp::Codec::kAv1) + 1;

  [[nodiscard]] const CodecTypes& types(rtp::Codec codec) const {
    return types_[static_cast<std::size_t>(codec)];
  }
  [[nodiscard]] bool takes(rtp::Codec codec) const {
    return types(codec).media != CodecTypes::kAbsent;
  }
  /// The packet of sound in the form that this subscriber takes; nothing when there is none.
  [[nodiscard]] std::optional<MediaPacket> sound_form(const MediaPacket& packet,
                                                      Outlet& outlet) const;
  void resend_sound(std::uint8_t copies, const SoundHistory::Kept& packet, Outlet& outlet) const;
  void keep_sound(SequenceNumber sequence, const SoundHistory::Kept& packet, int repeats,
                  Outlet& outlet) const;
  [[nodiscard]] std::optional<Rewrite> number(std::uint8_t layer, const MediaPacket& packet,
                                              const LayerView& view, Verdict verdict,
                                              ExtendedSequence talkspurt);
  /// At once, or when its turn comes.
  void send(std::uint8_t layer, const MediaPacket& packet, const Rewrite& rewrite, Outlet& outlet);
  [[nodiscard]] bool transmit(const MediaPacket& packet, const Rewrite& rewrite, Outlet& outlet);
  void wait(const MediaPacket& packet, const Rewrite& rewrite, Outlet& outlet);
  void resend(SequenceNumber sequence, Outlet& outlet);
  [[nodiscard]] bool is_left_behind(const SentPacket& sent, const Outlet& outlet) const;
  /// What was sent, or waits, under this number; null when it isn't in the history any more.
  [[nodiscard]] const MediaPacket* find_source(const SentPacket& sent) const;
  [[nodiscard]] SendFormat format(Ssrc ssrc, std::uint8_t payload_type, const Outlet& outlet) const;
  [[nodiscard]] bool is_numbered() const {
    return extensions_.has(rtp::Extension::kTransportSequence);
  }
  void follow_limits();
  struct Sending {
    Downlink::Copy copy = Downlink::Copy::kFirst;
    bwe::ProbeCluster cluster = bwe::kNoCluster;
    /// Of the packet that is forwarded; never() for what the node sends of its own accord.
    Instant received = Instant::never();
  };
  /// Encrypts and queues the packet in the first `length` bytes of `slot`. The length of the
  /// datagram; 0: it was dropped.
  [[nodiscard]] std::size_t commit(MutableBytes slot, std::size_t length, const Sending& sending,
                                   Outlet& outlet) const;

  SubscriptionId id_;
  Sender* sender_;
  Publication* publication_;
  Ssrc ssrc_;
  Ssrc rtx_ssrc_;
  std::string cname_;
  std::array<CodecTypes, kCodecs> types_{};
  rtp::ExtensionMap extensions_;
  /// On every packet: none is then the one that had to arrive, and those of a frame are as long.
  std::optional<std::array<std::uint8_t, 3>> playout_delay_;
  LayerTarget wish_;
  std::optional<Rung> allocated_;
  Bound bound_ = Bound::kNone;
  bool is_paused_ = false;
  bool keeps_sound_ = false;
  bool asks_for_sound_ = false;
  LayerSelector selector_;
  SendRewriter rewriter_;
  /// Of sound: where the newest talkspurt began that was forwarded.
  ExtendedSequence talkspurt_;
  ExtendedSequence next_rtx_;
  /// Of the last packet sent: its time, and the type of its retransmission. Before that the first
  /// type that there is.
  RtpTimestamp last_timestamp_;
  std::uint8_t last_rtx_type_ = CodecTypes::kAbsent;
  /// Of those sent, retransmissions left out.
  ExtendedSequence newest_sent_;
  /// Packets in the queue of those that wait.
  std::size_t waiting_ = 0;
  /// Of the newest key frame, as sent.
  std::optional<RtpTimestamp> key_frame_;
  rtcp::SendStats stats_;
  Instant next_report_;
  std::optional<float> reported_loss_;
  std::uint64_t bytes_ = 0;  // since the last update_rate()
  std::uint64_t packets_ = 0;
  Bitrate rate_;

  /// Only with retransmissions.
  struct Resend {
    SentLog log;
    rtcp::NackResponder responder;
  };
  std::unique_ptr<Resend> resend_;
};

}  // namespace meridian::forward
