#include "forward/speaker_detector.hpp"

#include <algorithm>
#include <cmath>

namespace meridian::forward {

void AudioActivity::observe(std::uint8_t level, Duration length) {
  if (level <= kActiveLevel) {
    loud_ += std::clamp(length, Duration::zero(), kMaxPacket);
    loudest_ = std::min(loudest_, level);
  }
}

float AudioActivity::finish(Duration interval) {
  float linear = 0;
  if (loud_ * 100 >= interval * kActivePercent) {
    // Who speaks for a part of the interval counts less than who speaks through all of it.
    const float share =
        std::min(1.0F, static_cast<float>(loud_.count()) / static_cast<float>(interval.count()));
    linear = share * std::pow(10.0F, -static_cast<float>(loudest_) / 20.0F);
  }
  smoothed_ += (linear - smoothed_) * kSmoothing;
  loud_ = {};
  loudest_ = 127;
  // Below the level that counts as active the tail of the smoothing is cut off.
  const float floor = std::pow(10.0F, -static_cast<float>(kActiveLevel) / 20.0F) *
                      (static_cast<float>(kActivePercent) / 100.0F) * 0.5F;
  if (smoothed_ < floor) {
    smoothed_ = 0;
  }
  return std::ceil(smoothed_ * 8.0F) / 8.0F;
}

void SpeakerDetector::add(PublicationId publication, AudioActivity& activity) {
  speakers_.push_back({.publication = publication, .activity = &activity, .reported = 0});
}

void SpeakerDetector::remove(PublicationId publication) {
  for (Speaker& speaker : speakers_) {
    if (speaker.publication == publication) {
      speaker.activity = nullptr;
    }
  }
}

std::vector<SpeakerLevel> SpeakerDetector::poll(Instant now) {
  std::vector<SpeakerLevel> changes;
  if (now < next_) {
    return changes;
  }
  next_ = now + kInterval;
  for (Speaker& speaker : speakers_) {
    const float level = speaker.activity == nullptr ? 0 : speaker.activity->finish(kInterval);
    if (level != speaker.reported) {
      changes.push_back(
          {.publication = speaker.publication, .level = level, .is_active = level > 0});
      speaker.reported = level;
    }
  }
  std::erase_if(speakers_, [](const Speaker& speaker) { return speaker.activity == nullptr; });
  return changes;
}

}  // namespace meridian::forward
