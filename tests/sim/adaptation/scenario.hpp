#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "sim/link.hpp"
#include "support/synthetic_track.hpp"

namespace meridian::sim::adaptation {

/// From `at` on the way to the subscriber is like this.
struct Phase {
  Duration at{};
  LinkShape down = {};
};

/// What must hold, where a scenario asks for it.
struct Goals {
  std::optional<double> least_used = {};       // part of what could be used, in the measured time
  std::optional<Duration> most_queueing = {};  // 95th percentile
  std::optional<Duration> longest_freeze = {};
  std::optional<double> most_switches = {};  // a minute
  std::optional<Duration> back_up = {};
  std::optional<Duration> first_picture = {};
  std::optional<double> most_audio_lost = {};
  std::optional<Duration> longest_silence = {};
  /// Of media, before TCP takes it.
  std::optional<Duration> longest_wait = {};
  /// Sequence numbers of the video must have begun anew.
  bool wraps = false;
};

/// What there is against the loss of sound, as between browsers: redundancy (RFC 2198), or
/// end-to-end encryption, which has none, and packets that are asked for again.
enum class Sound : std::uint8_t { kBare, kRed, kEncrypted };

/// One subscriber behind a bad network, and publishers behind good ones.
struct Scenario {
  std::string name = {};
  std::uint64_t seed = 1;
  /// Each of somebody with a microphone.
  std::size_t cameras = 1;
  test::TrackShape camera = test::TrackShape::camera();
  bool has_microphones = true;
  Duration up_delay = 10ms;
  /// The publishers' way to the node, if it isn't good; then their cameras send the lowest layer.
  std::optional<LinkShape> uplink = {};
  Sound sound = Sound::kBare;
  /// How what the server has no need to read comes.
  test::StampForm form = test::StampForm::kPlain;
  std::vector<Phase> phases = {};
  /// The subscriber is reached over TCP; `loss` is of its segments, in both directions.
  bool is_over_tcp = false;
  /// People behind good networks who subscribe, too. What they get must be the same, packet for
  /// packet and at the same times, when the subscriber's network stays as in the first phase.
  std::size_t companions = 0;
  /// Bit/s that the best choice of layers would use in the measured time, audio included.
  std::uint64_t best = 0;
  Duration measured_from = 15s;
  Duration ends = 60s;
  /// When the network gets better again.
  std::optional<Duration> recovers = {};
  Goals goals = {};
};

/// The scenarios of the table in docs/adaptation.md, in its order.
[[nodiscard]] std::span<const Scenario> scenarios();

}  // namespace meridian::sim::adaptation
