#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/prefetch.hpp"
#include "base/random.hpp"
#include "base/rtp_types.hpp"
#include "base/time.hpp"
#include "forward/downlink.hpp"
#include "forward/layer_allocation.hpp"
#include "forward/pacing.hpp"
#include "forward/probe_schedule.hpp"
#include "forward/rtcp_output.hpp"
#include "forward/sound_history.hpp"
#include "forward/subscription.hpp"
#include "metrics/worker_counters.hpp"
#include "rtcp/packet.hpp"
#include "transport/send_batch.hpp"
#include "transport/transport.hpp"

namespace meridian::forward {

/// Sending half of one transport: its subscriptions by SSRC, what the subscriber reports about
/// them, and the sender reports to it.
class Sender {
 public:
  static constexpr std::size_t kMaxSubscriptions = 2048;
  /// SSRCs that were used and may be again; each remembers where its sequence numbers go on.
  static constexpr std::size_t kMaxRetired = 8192;

  /// What leaves faster than the way carries it fills the queue at its narrowest place, which the
  /// estimator takes for congestion. An estimate may be a little above what the way carries, so
  /// that a key frame leaves at less than it.
  static constexpr double kPacedShare = 0.9;
  /// Frames are not evenly spread: what was given must get through, even where the estimate doesn't
  /// cover it.
  static constexpr double kPacedHeadroom = 1.05;

  explicit Sender(transport::Transport& transport) : transport_(transport) {}

  /// Where the streams of these SSRCs begin: at random, or where they were before.
  [[nodiscard]] FirstSequences first_sequences(Ssrc ssrc, Ssrc rtx, RandomSource& random) const;
  /// False: kMaxSubscriptions, or an SSRC that is in use.
  bool add(Subscription& subscription);
  /// How many of its packets still waited for their turn.
  std::size_t remove(Subscription& subscription);
  [[nodiscard]] const std::vector<Subscription*>& subscriptions() const { return subscriptions_; }

  /// Subscriptions of video.
  [[nodiscard]] std::size_t videos() const { return videos_; }

  /// Only while there are subscriptions, or were.
  [[nodiscard]] Outlet outlet(transport::SendBatch& batch, metrics::WorkerCounters& counters,
                              Instant now) {
    return {.transport = transport_,
            .batch = batch,
            .counters = counters,
            .downlink = *downlink_,
            .sound = sound_.get(),
            .forms = nullptr,
            .pacing = *pacing_,
            .now = now,
            .padding = 0};
  }

  /// Into the cache, one step after the other for the subscribers of a packet, since each follows
  /// what the one before has fetched; in place of waiting for it when their turn has come.
  void prefetch() const { base::prefetch(this, sizeof *this); }
  void prefetch_way() const {
    transport_.prefetch();
    if (downlink_ != nullptr) {
      downlink_->prefetch();
      pacing_->prefetch();
    }
  }
  void prefetch_session() const {
    transport_.prefetch_session();
    if (downlink_ != nullptr) {
      downlink_->prefetch_next();
    }
  }
  void prefetch_key() const { transport_.prefetch_key(); }

  /// The subscription that sends under this SSRC; null when none does.
  [[nodiscard]] Subscription* find(Ssrc ssrc) const;
  /// Answers a NACK with retransmissions.
  void handle_nack(const rtcp::Nack& nack, Outlet& outlet);
  void handle_report_blocks(const rtcp::ReportBlocks& blocks, Instant now);
  void handle_remb(const rtcp::Remb& remb, Instant now);
  void handle_transport_feedback(const rtcp::TransportFeedback& feedback, Instant now);
  /// FIR is answered once for each new sequence number (RFC 5104 section 4.3.1.2).
  [[nodiscard]] bool is_new_full_intra(const rtcp::FullIntraItem& item);

  void send_reports(RtcpOutput& output, Instant now);
  void update_rates(Duration elapsed);
  /// To be called some times a second.
  void handle_timeout(Instant now);
  /// To be called each LayerAllocation::kInterval, with the ladders up to date.
  void allocate(Instant now, std::vector<Event>& events,
                LayerAllocation::Small small = LayerAllocation::Small::kAsWished);
  /// Takes out what still waits of videos that stand still or are hidden: it would take the place
  /// of those that are seen. How many packets.
  std::size_t take_back_unwanted();
  /// See LimitDownlink.
  void set_limit(std::optional<Bitrate> limit) { allocation_.set_limit(limit); }
  /// To be called each ProbeSchedule::kPortion: sends what is due of a probe.
  void send_probe(transport::SendBatch& batch, metrics::WorkerCounters& counters, Instant now);
  /// Whether a probe is under way.
  [[nodiscard]] bool is_probing() const { return probe_.is_active(); }
  /// When release() is to be called next; never() while nothing waits.
  [[nodiscard]] Instant next_release(Instant now) {
    return pacing_ != nullptr ? pacing_->next_release(now) : Instant::never();
  }
  [[nodiscard]] std::size_t waiting() const { return pacing_ != nullptr ? pacing_->waiting() : 0; }
  /// Whether the worker's list of those to release() has it: false the first time after a removal.
  [[nodiscard]] bool enlist() { return std::exchange(is_enlisted_, true); }
  void delist() { is_enlisted_ = false; }
  /// Sends what waits and may leave now.
  void release(transport::SendBatch& batch, metrics::WorkerCounters& counters, Instant now);
  /// Nothing while nothing was ever subscribed.
  [[nodiscard]] std::optional<DownlinkReport> report() const;
  [[nodiscard]] const LayerAllocation& allocation() const { return allocation_; }

  /// Loss that the subscriber saw since the last call, 0 to 1.
  [[nodiscard]] float take_loss();
  /// Zero before it is known.
  [[nodiscard]] Duration round_trip() const { return round_trip_; }
  [[nodiscard]] TransportId transport() const { return transport_.id(); }
  [[nodiscard]] bool can_send() const { return transport_.can_send(); }
  /// Null as long as nothing was ever subscribed: who only publishes needs none.
  [[nodiscard]] Downlink* downlink() { return downlink_.get(); }

 private:
  /// A subscription that can carry padding; null when none can.
  [[nodiscard]] Subscription* find_carrier() const;
  void pace(Instant now);

  transport::Transport& transport_;
  std::vector<Subscription*> subscriptions_;
  std::size_t videos_ = 0;
  std::unordered_map<Ssrc, Subscription*> by_ssrc_;
  std::unordered_map<Ssrc, ExtendedSequence> retired_;
  std::unordered_map<Ssrc, std::uint8_t> full_intra_;  // by media SSRC: last sequence number
  std::unique_ptr<Downlink> downlink_;
  std::unique_ptr<SoundHistory> sound_;  // from the first subscription on that needs it
  std::unique_ptr<Pacing> pacing_;       // with downlink_
  bool is_enlisted_ = false;
  LayerAllocation allocation_;
  ProbeSchedule probe_;
  Duration round_trip_{};
};

}  // namespace meridian::forward
