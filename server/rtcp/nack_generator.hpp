#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/rtp_types.hpp"
#include "base/time.hpp"

namespace meridian::rtcp {

/// Finds gaps in one received stream and says what to ask for again. Memory is a fixed ring.
class NackGenerator {
 public:
  /// A gap of more than this is not filled by retransmission: a key frame is cheaper.
  static constexpr std::size_t kMaxPending = 1000;
  static constexpr std::uint8_t kMaxRetries = 10;
  /// A packet this late is of no use to anyone's jitter buffer.
  static constexpr Duration kMaxAge = 1s;
  /// Packets that are only reordered arrive within this, and are not asked for.
  static constexpr Duration kReorderDelay = 5ms;
  static constexpr Duration kMinInterval = 20ms;
  static constexpr Duration kMaxInterval = 500ms;

  enum class Outcome : std::uint8_t {
    kInOrder,
    kGap,        // packets before this one are missing
    kRecovered,  // fills a gap
    kOld,        // duplicate, or no longer awaited
    kTooLarge,   // the gap is too large: everything was forgotten, ask for a key frame
  };
  Outcome on_packet(ExtendedSequence sequence, Instant now);

  /// What is known otherwise. Where packets that were asked for take longer, since they wait in the
  /// sender's queue, that counts: asking more often would only fill the queue.
  void set_round_trip(Duration round_trip);

  /// Which sequences to ask for now, oldest first, at most out.size(). Call again while it fills
  /// `out`. Forgets those asked for too often or too old, which abandoned() counts.
  [[nodiscard]] std::size_t poll(Instant now, std::span<SequenceNumber> out);

  /// When poll() may next have something; never() when nothing is missing.
  [[nodiscard]] Instant next_timeout() const { return pending_ == 0 ? Instant::never() : due_; }

  [[nodiscard]] std::size_t pending() const { return pending_; }
  /// Packets given up since the start.
  [[nodiscard]] std::uint64_t abandoned() const { return abandoned_; }

 private:
  static constexpr std::size_t kRing = 1024;
  static_assert(kRing > kMaxPending && (kRing & (kRing - 1)) == 0);
  /// 12 bytes instead of two Instants, since each received stream has a ring of them.
  struct Slot {
    std::uint32_t missing_since = 0;  // ms after origin_
    std::uint32_t due = 0;            // ms after origin_
    std::uint8_t tries = 0;
    bool is_missing = false;
  };

  [[nodiscard]] Slot& slot(std::uint64_t sequence) { return ring_[sequence & (kRing - 1)]; }
  [[nodiscard]] std::uint32_t tick(Instant at) const;
  void forget(Slot& slot);
  void forget_all();
  void learn(const Slot& recovered, Instant now);
  [[nodiscard]] Duration interval() const;
  void mark_missing(std::uint64_t from, std::uint64_t to, Instant now);

  std::array<Slot, kRing> ring_{};
  Instant origin_;
  bool is_started_ = false;
  std::uint64_t highest_ = 0;
  /// No sequence below this is missing.
  std::uint64_t lowest_ = 0;
  std::size_t pending_ = 0;
  std::uint64_t abandoned_ = 0;
  Duration round_trip_ = 100ms;
  Duration learned_{};  // from the first request to the arrival, smoothed
  Instant due_ = Instant::never();
};

}  // namespace meridian::rtcp
