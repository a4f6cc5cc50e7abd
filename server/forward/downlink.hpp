#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/prefetch.hpp"
#include "base/rtp_types.hpp"
#include "base/time.hpp"
#include "bwe/send_history.hpp"
#include "bwe/send_side_estimator.hpp"
#include "forward/token_bucket.hpp"
#include "rtcp/packet.hpp"

namespace meridian::forward {

/// What the way to one subscriber carries: the numbers of its packets, when they were sent, what
/// the subscriber says about them, and the estimate that follows. Subscribers without
/// transport-wide feedback are followed by the loss in their receiver reports, under what they
/// claim by REMB. About 70 KiB, taken when it is made; nothing is allocated later.
class Downlink {
 public:
  /// Who has said nothing about what it gets for so long after the first packet never will.
  static constexpr Duration kPatience = 5s;
  /// Highest estimate, and the highest claim that is believed.
  static constexpr Bitrate kMaxBitrate = Bitrate(200'000'000);

  /// Into the cache: what on_sent() needs; and then where it notes the next packets.
  void prefetch() const {
    base::prefetch(&history_, sizeof history_);
    estimator_.prefetch_sent();
    base::prefetch(&sent_bytes_, 2 * base::kCacheLine);
  }
  void prefetch_next() const { history_.prefetch_next(); }

  /// For the next packet that carries a transport-wide sequence number.
  [[nodiscard]] SequenceNumber next_number() const { return history_.next(); }

  enum class Numbered : std::uint8_t { kNo, kYes };
  enum class Copy : std::uint8_t { kFirst, kRetransmission };
  /// A packet of `size` bytes was sent, with next_number() or without a number.
  void on_sent(std::size_t size, Copy copy, Numbered numbered, bwe::ProbeCluster cluster,
               Instant now);

  /// The packet with this number was sent once more, as it was: see SendHistory.
  void on_repeated(SequenceNumber number, Instant now) { history_.on_repeated(number, now); }

  /// Of the estimate, for retransmissions of all streams together; so much at once.
  static constexpr std::uint64_t kResendPercent = 50;
  static constexpr std::size_t kResendBurst = 32UL * 1024;
  /// Whether a retransmission of so many bytes fits the subscriber's budget; it is taken from it.
  [[nodiscard]] bool may_resend(std::size_t size, Instant now);

  /// From now on all that is sent belongs to this probe, as long as it isn't of another one: what
  /// goes through is measured over media and padding together. kNoCluster ends it.
  void set_probe(bwe::ProbeCluster cluster) {
    probe_ = cluster;
    probe_media_bytes_ = 0;
  }
  /// Bytes of media that went into the probe since the last call.
  [[nodiscard]] std::size_t take_probe_media() { return std::exchange(probe_media_bytes_, 0); }

  void handle_feedback(const rtcp::TransportFeedback& feedback, Instant now);
  /// A receiver report came: part of the packets that did not arrive since the last one, 0 to 1.
  /// Zero round trip: unknown.
  void handle_report(double loss, Duration round_trip, Instant now);
  void handle_remb(Bitrate claimed, Instant now) {
    has_heard_ = true;
    estimator_.on_remb(claimed, now);
  }
  /// To be called some times a second.
  void handle_timeout(Instant now) { estimator_.handle_timeout(now); }
  /// To be called each second: what was sent in `elapsed`.
  void update_rate(Duration elapsed);

  [[nodiscard]] Bitrate estimate(Instant now) const { return estimator_.estimate(now); }
  /// The estimate as far as it is one: nothing for a subscriber that never says what arrives.
  [[nodiscard]] std::optional<Bitrate> known_estimate(Instant now) const {
    const bool may_be_heard = first_sent_.is_never() || now - first_sent_ < kPatience;
    return has_heard_ || may_be_heard ? std::optional(estimate(now)) : std::nullopt;
  }
  /// Whether the subscriber has ever said anything about what arrives.
  [[nodiscard]] bool has_heard() const { return has_heard_; }
  [[nodiscard]] const bwe::SendSideEstimator& estimator() const { return estimator_; }
  [[nodiscard]] bwe::SendSideEstimator& estimator() { return estimator_; }
  /// What was sent in the last second that update_rate() was told of.
  [[nodiscard]] Bitrate sent_rate() const { return sent_rate_; }
  /// The same of retransmissions, smoothed.
  [[nodiscard]] Bitrate retransmission_rate() const { return retransmission_rate_; }
  /// The part of it that has no numbers of its own: nobody ever says that it arrives.
  [[nodiscard]] Bitrate unnumbered_rate() const { return unnumbered_rate_; }
  /// Whether a probe has raised the estimate since the last call, or confirmed what it waited for.
  [[nodiscard]] bool take_probed() { return std::exchange(has_probed_, false); }
  /// Part of the packets that transport-wide feedback told lost since the last call, 0 to 1.
  [[nodiscard]] float take_loss();

 private:
  void tell(bwe::FeedbackResults& results, Instant now);

  bwe::SendHistory history_;
  bwe::SendSideEstimator estimator_{kMaxBitrate};
  std::uint64_t sent_bytes_ = 0;  // since the last update_rate()
  Bitrate sent_rate_;
  std::uint64_t resent_bytes_ = 0;
  std::uint64_t unnumbered_bytes_ = 0;
  Bitrate retransmission_rate_;
  Bitrate unnumbered_rate_;
  TokenBucket resend_budget_{0, kResendBurst};
  bwe::ProbeCluster probe_ = bwe::kNoCluster;
  std::size_t probe_media_bytes_ = 0;
  bool has_probed_ = false;
  bool has_heard_ = false;
  Instant first_sent_ = Instant::never();
  std::uint64_t told_packets_ = 0;
  std::uint64_t told_lost_ = 0;
};

}  // namespace meridian::forward
