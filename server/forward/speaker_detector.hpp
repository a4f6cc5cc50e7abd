#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "forward/commands.hpp"

namespace meridian::forward {

/// How loud one publication is, from the levels in its packets (RFC 6464).
class AudioActivity {
 public:
  /// Quieter than this many dB below full scale is noise.
  static constexpr std::uint8_t kActiveLevel = 35;
  /// Who is loud for this part of an interval speaks.
  static constexpr unsigned kActivePercent = 40;
  /// A packet longer than this is a gap of discontinuous transmission, not speech.
  static constexpr Duration kMaxPacket = 120ms;
  /// Smoothing over two intervals.
  static constexpr float kSmoothing = 2.0F / 3.0F;

  /// `level` in dB below full scale, 0 to 127; `length` of the audio in the packet.
  void observe(std::uint8_t level, Duration length);
  /// Ends an interval of `interval`; the level from 0 to 1 in steps of an eighth.
  float finish(Duration interval);

 private:
  Duration loud_{};
  std::uint8_t loudest_ = 127;
  float smoothed_ = 0;
};

/// Who speaks in one room, among the publications of this worker.
class SpeakerDetector {
 public:
  static constexpr Duration kInterval = 400ms;

  /// `activity` is fed by the publication, and must stay until remove().
  void add(PublicationId publication, AudioActivity& activity);
  /// The publication goes; the next update says so when it was heard.
  void remove(PublicationId publication);
  [[nodiscard]] bool empty() const { return speakers_.empty(); }

  /// When an interval is over: those whose level changed in it; empty when none has.
  [[nodiscard]] std::vector<SpeakerLevel> poll(Instant now);
  [[nodiscard]] Instant next_timeout() const { return next_; }

 private:
  struct Speaker {
    PublicationId publication;
    AudioActivity* activity = nullptr;  // null: gone
    float reported = 0;
  };
  std::vector<Speaker> speakers_;
  Instant next_;
};

}  // namespace meridian::forward
