#pragma once

#include <array>
#include <cstddef>

#include "base/time.hpp"
#include "bwe/packet_result.hpp"

namespace meridian::bwe {

/// Whether packets wait on the way all the time, or only now and then. A full link lets none
/// through quickly; a way that trembles, puts packets out of order or holds them back and lets them
/// go again does, every now and then, however late the others are. What counts is the smallest
/// delay of a while; how long a while is, and what is small, is learnt from for how long and how
/// much packets are late as a rule. Fixed memory.
class StandingQueue {
 public:
  /// The smallest delay of so long is that of the empty way.
  static constexpr Duration kBaseSlot = 2s;
  static constexpr std::size_t kBaseSlots = 10;
  /// Later than the empty way by this is late: at least, and as a part of what was seen.
  static constexpr Duration kLate = 8ms;
  static constexpr double kLatePart = 0.5;
  /// For how long all must have been late: at least, at most, and as a multiple of what was seen.
  static constexpr Duration kMinWhile = 100ms;
  static constexpr Duration kMaxWhile = 2500ms;
  static constexpr double kWhileFactor = 6;
  static constexpr double kSmoothing = 0.1;
  /// Where all were late for so long, but so often now much and then little, the way trembles: that
  /// is learnt from at once, and quickly, as is the length of a time with as many turns.
  static constexpr Duration kTremble = 1s;
  static constexpr int kMinTurns = 5;
  static constexpr double kTrembleSmoothing = 0.3;
  /// Sent so much before one that arrived earlier is out of order; and the part of packets that
  /// makes a way one that puts packets out of order, over about a hundred of them.
  static constexpr Duration kOutOfOrder = 5ms;
  static constexpr double kShuffledPart = 0.1;
  static constexpr double kShuffledSmoothing = 0.01;

  /// A packet that arrived; in the order of arrival.
  void on_packet(const PacketResult& packet);
  [[nodiscard]] bool is_standing() const { return is_standing_; }
  /// While is_standing(): since when, on the peer's clock.
  [[nodiscard]] Instant standing_since() const { return late_since_; }
  /// By how much the newest packet was later than on the empty way.
  [[nodiscard]] Duration excess() const { return excess_; }
  /// From sending to receiving on the empty way; the clocks are two.
  [[nodiscard]] Duration empty_way() const { return empty_way_; }
  /// Packets arrive in another order than they were sent in: neither their distances nor those of a
  /// probe's packets tell anything.
  [[nodiscard]] bool is_shuffled() const { return shuffled_ > kShuffledPart; }
  /// Nobody says any more whether packets wait: none do, until one is late again.
  void forget() {
    is_late_ = false;
    is_standing_ = false;
    excess_ = {};
  }
  void reset() { *this = StandingQueue(); }

 private:
  [[nodiscard]] Duration base(Duration delay, Instant received);
  void end_late(Instant received);
  void begin_tremble(Instant received);
  void learn_trembling(Instant received);

  std::array<Duration, kBaseSlots> lowest_{};
  std::size_t slots_ = 0;  // ever begun
  Instant slot_ends_;
  bool is_late_ = false;
  bool is_standing_ = false;
  Instant late_since_;
  Duration worst_{};
  /// Of the last kTremble in which all were late.
  Instant tremble_since_;
  Duration tremble_worst_{};
  int turns_ = 0;      // from much to little
  int all_turns_ = 0;  // since late_since_
  bool is_much_ = false;
  Duration excess_{};
  Duration empty_way_{};
  double length_ = 0;  // of the times in which packets were late, in ns
  double height_ = 0;
  Instant newest_sent_;
  double shuffled_ = 0;
};

}  // namespace meridian::bwe
