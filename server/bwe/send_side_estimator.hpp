#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "base/prefetch.hpp"
#include "base/rtp_types.hpp"
#include "base/time.hpp"
#include "bwe/acknowledged_rate.hpp"
#include "bwe/aimd_control.hpp"
#include "bwe/alr_detector.hpp"
#include "bwe/inter_arrival.hpp"
#include "bwe/loss_based.hpp"
#include "bwe/packet_result.hpp"
#include "bwe/probe_controller.hpp"
#include "bwe/probe_estimator.hpp"
#include "bwe/queue_overflow.hpp"
#include "bwe/remb.hpp"
#include "bwe/reported_loss.hpp"
#include "bwe/standing_queue.hpp"
#include "bwe/trendline.hpp"

namespace meridian::bwe {

/// Why the estimate is what it is.
enum class Limit : std::uint8_t { kStart, kDelay, kLoss, kProbe, kClaim, kReports, kSilence };

/// Send-side bandwidth estimation for one transport, as current browsers do it (Google congestion
/// control): the stages of this folder, composed. Packets and what the peer says about them in; an
/// estimate, probes and the delay state out. No allocation after construction.
class SendSideEstimator {
 public:
  static constexpr Bitrate kStart = Bitrate(600'000);
  /// Audio of a room goes through even when nothing else does.
  static constexpr Bitrate kMin = Bitrate(30'000);
  /// Groups of packets further apart have nothing to do with each other.
  static constexpr Duration kStreamTimeout = 2s;
  /// Without a word about what arrives, a queue that was seen is taken to be there for so long.
  static constexpr Duration kQueueMemory = 500ms;
  /// No feedback for so long although packets are on the way: the link is stuck.
  static constexpr Duration kSilence = 3s;
  static constexpr Duration kSilenceStep = 1s;
  static constexpr double kSilenceFactor = 0.8;

  /// What a probe has shown holds for so long unless media shows it, too.
  static constexpr Duration kShownTime = 3s;
  /// Beyond the round trip: in which a probe's own queue shows.
  static constexpr Duration kProbeSettle = 150ms;

  /// By less than this the queue of a way that is full isn't filled.
  static constexpr Duration kFullQueue = 50ms;
  /// What came in the times in which packets waited counts for at most so many times what came
  /// altogether: where a way holds packets back and lets them go at once, it says too much.
  static constexpr double kMostQueued = 1.5;
  /// For so long after it overflowed a queue is looked at as one that empties.
  static constexpr Duration kDrainTime = 2s;

  explicit SendSideEstimator(Bitrate max);

  // ---- What happens

  void on_sent(std::size_t bytes, Instant now);
  /// What a feedback said, in the order of sending; sorted by arrival here. `round_trip` from the
  /// sending of its newest packet to now.
  void on_feedback(std::span<PacketResult> results, std::optional<Duration> round_trip,
                   Instant now);
  /// From receiver reports; used only while there is no transport-wide feedback.
  void on_reported_loss(double loss, Bitrate sent, Duration round_trip, Instant now);
  void on_remb(Bitrate claimed, Instant now);
  void handle_timeout(Instant now);

  // ---- What comes of it

  [[nodiscard]] Bitrate estimate(Instant now) const;
  [[nodiscard]] Limit limit() const { return limit_; }
  /// A delay that grows counts only while packets also wait all the time: else they are late, or
  /// out of order, for other reasons. A queue that overflows counts as if it grew.
  [[nodiscard]] DelayState delay_state() const;
  /// The queue overflowed a moment ago, and packets still wait in it.
  [[nodiscard]] bool is_draining(Instant now) const;
  [[nodiscard]] double loss() const { return loss_.average_loss(); }
  /// What was sent of which as much arrived as the way lets through.
  [[nodiscard]] std::optional<Bitrate> acknowledged() const;
  /// The highest rate that was seen to go through of late: media, or a probe. Nothing where that
  /// can't be told: without feedback, or since packets arrive in any order.
  [[nodiscard]] std::optional<Bitrate> shown(Instant now) const;
  [[nodiscard]] bool has_feedback() const { return has_feedback_; }
  [[nodiscard]] bool is_application_limited() const { return alr_.is_active(); }
  [[nodiscard]] Duration round_trip() const { return round_trip_; }
  /// The way was never seen to be full: nobody knows yet what it carries.
  [[nodiscard]] bool is_in_start() const { return is_in_start_; }

  /// The whole rate at which the next step up could be taken; 0: nothing more is wanted.
  using Need = ProbeController::Need;
  void set_wanted(Bitrate rate, Need need = Need::kMore) { probes_.set_wanted(rate, need); }
  /// Whether a probe has shown since the last call that there is room for something again.
  [[nodiscard]] bool take_need_ended() { return std::exchange(has_need_ended_, false); }
  /// The probe to send now; only for a transport with feedback.
  [[nodiscard]] std::optional<Probe> poll_probe(Instant now);

  /// Into the cache: what on_sent() needs.
  void prefetch_sent() const {
    base::prefetch(&alr_, sizeof alr_);
    base::prefetch(&last_sent_, sizeof last_sent_);
  }

 private:
  void take_delays(std::span<const PacketResult> arrived, Instant now,
                   std::optional<Bitrate>& probed);
  [[nodiscard]] bool is_overflowing() const;
  [[nodiscard]] Bitrate rate_when_full() const;
  void update_delay_based(std::optional<Bitrate> probed, Instant now);
  void combine(Instant now);

  InterArrival groups_;
  TrendlineDetector detector_;
  StandingQueue queue_;
  QueueOverflow overflow_;
  AcknowledgedRate acknowledged_;
  AimdControl aimd_;
  LossBasedEstimator loss_;
  AlrDetector alr_;
  ProbeController probes_;
  ProbeEstimator probe_estimator_;
  RembEstimate remb_;
  ReportedLossEstimator reports_;
  Bitrate target_ = kStart;
  double silence_factor_ = 1;
  Limit limit_ = Limit::kStart;
  bool has_feedback_ = false;
  bool has_need_ended_ = false;
  bool is_in_start_ = true;
  Duration round_trip_ = AimdControl::kInitialRoundTrip;
  Instant last_feedback_ = Instant::never();
  Instant last_sent_ = Instant::never();
  Instant probing_until_;
  Instant overflowed_at_ = Instant::never();
  Bitrate probed_;  // the last one that raised or confirmed the estimate
  Instant probed_at_ = Instant::never();
  Instant next_silence_step_ = Instant::never();
};

}  // namespace meridian::bwe
