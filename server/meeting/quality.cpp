#include "meeting/quality.hpp"

#include <algorithm>
#include <array>

#include "meeting/limits.hpp"

namespace meridian::meeting {

void QualityMeter::handle(const forward::TransportQuality& report) {
  // A tenth of the packets lost costs as much as 400 ms more delay: two points.
  static constexpr float kPointsPerLoss = 20;
  static constexpr float kPointsPerSecond = 5;
  static constexpr float kUnnoticedSeconds = 0.15F;
  const float loss = std::max(report.uplink_loss, report.downlink_loss);
  const float seconds = std::chrono::duration<float>(report.round_trip).count();
  const float delay = std::max(0.F, seconds - kUnnoticedSeconds);
  score_ = std::clamp(5.F - loss * kPointsPerLoss - delay * kPointsPerSecond, 1.F, 5.F);
  if (score_ >= 4.2F) {
    quality_ = livekit::EXCELLENT;
  } else {
    quality_ = score_ >= 3.F ? livekit::GOOD : livekit::POOR;
  }
}

bool QualityMeter::take_change() {
  if (told_ == quality_) {
    return false;
  }
  told_ = quality_;
  return true;
}

void Dynacast::handle(const forward::LayersWanted& wanted, Instant now) {
  wanted_ = wanted.is_wanted
                ? std::min(kAllLayers, static_cast<std::uint8_t>(wanted.max_spatial + 1))
                : std::uint8_t{0};
  if (wanted_ > told_) {
    due_ = now;
  } else if (wanted_ == told_) {
    due_ = Instant::never();
  } else if (due_.is_never()) {
    due_ = now + kDynacastPauseDelay;
  }
}

std::optional<std::uint8_t> Dynacast::take_change(Instant now) {
  if (due_ > now) {
    return std::nullopt;
  }
  due_ = Instant::never();
  told_ = wanted_;
  return told_;
}

Instant Dynacast::next_timeout() const {
  return due_;
}

livekit::SubscribedQualityUpdate quality_update(const std::string& track_sid,
                                                std::span<const CodecLayers> codecs) {
  static constexpr std::array kQualities = {livekit::LOW, livekit::MEDIUM, livekit::HIGH};
  livekit::SubscribedQualityUpdate update;
  update.set_track_sid(track_sid);
  for (const CodecLayers& wanted : codecs) {
    livekit::SubscribedCodec& codec = *update.add_subscribed_codecs();
    codec.set_codec(wanted.mime_type.substr(wanted.mime_type.find('/') + 1));
    for (std::size_t i = 0; i < kQualities.size(); ++i) {
      livekit::SubscribedQuality& quality = *codec.add_qualities();
      quality.set_quality(kQualities[i]);
      quality.set_enabled(i < wanted.layers);
    }
  }
  if (!codecs.empty()) {  // for clients that know of one codec only
    *update.mutable_subscribed_qualities() = update.subscribed_codecs(0).qualities();
  }
  return update;
}

}  // namespace meridian::meeting
