#pragma once

#include <optional>

#include "base/time.hpp"
#include "forward/commands.hpp"

namespace meridian::node {

/// How busy one worker is: the part of the time that its thread computes, and how long what has
/// come waits for its turn. Rises by one level at a time, so that what is shed first is always shed
/// first, and falls when it has been calm for a while. Pure; read by the thread that it measures.
class LoadMeter {
 public:
  static constexpr Duration kInterval = 500ms;
  /// Part of a core from which on a level holds. The rest is what media needs to stay in time while
  /// somebody's key frame comes.
  static constexpr float kBusyShare = 0.85F;
  static constexpr float kStrainedShare = 0.92F;
  static constexpr float kFullShare = 0.97F;
  /// The same for the time that a turn of the loop takes, which also rises when others take the
  /// processor away.
  static constexpr Duration kBusyTurn = 100ms;
  static constexpr Duration kStrainedTurn = 200ms;
  static constexpr Duration kFullTurn = 400ms;
  /// How long the load must be below its level before that falls by one.
  static constexpr Duration kCalm = 5s;
  /// What is told of the share changes by this much at least.
  static constexpr float kStep = 0.05F;

  /// A turn of the loop is over that took so long.
  void observe_turn(Duration length) {
    total_ += length;
    weighted_ += seconds(length) * seconds(length);
  }
  /// Whether poll() has something to do.
  [[nodiscard]] bool is_due(Instant now) const { return now >= next_; }
  /// When it is due even if nothing else happens; never() at level kNormal, which nothing lowers.
  [[nodiscard]] Instant next_timeout() const {
    return level_ == forward::LoadLevel::kNormal ? Instant::never() : next_;
  }
  /// Ends an interval. `computed`: CPU time of the thread since it began. What is worth telling.
  [[nodiscard]] std::optional<forward::WorkerLoad> poll(Instant now, Duration computed);

 private:
  static double seconds(Duration duration) {
    return std::chrono::duration<double>(duration).count();
  }
  [[nodiscard]] forward::LoadLevel wanted() const;
  void follow(Instant now);

  Instant began_;
  Instant next_;
  Duration computed_{};
  bool has_begun_ = false;
  Duration total_{};     // of the turns of this interval
  double weighted_ = 0;  // of them, seconds squared
  float share_ = 0;      // smoothed
  Duration turn_{};      // smoothed: as somebody who arrives at any time finds it
  Instant calm_since_ = Instant::never();
  forward::LoadLevel level_ = forward::LoadLevel::kNormal;
  forward::WorkerLoad told_;
};

}  // namespace meridian::node
