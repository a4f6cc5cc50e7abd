#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/time.hpp"
#include "forward/commands.hpp"
#include "wire/livekit_tracks.pb.h"

namespace meridian::meeting {

/// How well a participant is connected, from loss and delay of its transport.
class QualityMeter {
 public:
  void handle(const forward::TransportQuality& report);
  [[nodiscard]] livekit::ConnectionQuality quality() const { return quality_; }
  /// 1 (bad) to 5 (excellent), like a mean opinion score.
  [[nodiscard]] float score() const { return score_; }
  /// Whether the quality differs from what was last told, which it then becomes.
  [[nodiscard]] bool take_change();

 private:
  livekit::ConnectionQuality quality_ = livekit::EXCELLENT;
  livekit::ConnectionQuality told_ =
      livekit::LOST;  // never told as such: the first one is a change
  float score_ = 5;
};

/// Which layers a publisher is asked to send: raised at once, lowered only when nobody has wanted
/// the higher ones for a while.
class Dynacast {
 public:
  static constexpr std::uint8_t kAllLayers = 3;  // what publishers send until told otherwise

  /// Layers wanted, 0 = none.
  void handle(const forward::LayersWanted& wanted, Instant now);
  /// How many layers to ask for, when that has changed and is due.
  [[nodiscard]] std::optional<std::uint8_t> take_change(Instant now);
  [[nodiscard]] Instant next_timeout() const;
  /// What the publisher was told last.
  [[nodiscard]] std::uint8_t told() const { return told_; }

 private:
  std::uint8_t told_ = kAllLayers;
  std::uint8_t wanted_ = kAllLayers;
  Instant due_ = Instant::never();
};

/// One codec of a track, and how many of its lowest layers are wanted.
struct CodecLayers {
  std::string mime_type;
  std::uint8_t layers = 0;
};
/// The message that asks a publisher for these layers of its track; the first codec is the track's
/// own.
[[nodiscard]] livekit::SubscribedQualityUpdate quality_update(const std::string& track_sid,
                                                              std::span<const CodecLayers> codecs);

}  // namespace meridian::meeting
