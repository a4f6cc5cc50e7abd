#include "forward/talkspurts.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "bwe/packet_result.hpp"

namespace meridian::forward {

double LoudestSounds::Place::at(Instant now) const {
  return std::max(loudness - bwe::seconds(now - since) * kDecayPerSecond, 0.0);
}

LoudestSounds::LoudestSounds(std::size_t places) : places_(places) {
  MERIDIAN_CHECK(places >= 1 && places <= kMaxPlaces);
  loudest_.reserve(places);
}

bool LoudestSounds::observe(PublicationId publication, std::uint8_t level, Instant now) {
  const double loudness = Talkspurts::kSilence - std::min(level, Talkspurts::kSilence);
  const auto own = std::ranges::find(loudest_, publication, &Place::publication);
  if (own != loudest_.end()) {
    *own = {.publication = publication, .loudness = std::max(loudness, own->at(now)), .since = now};
    return true;
  }
  if (loudness == 0) {
    return false;  // silence takes nobody's place
  }
  const Place place{.publication = publication, .loudness = loudness, .since = now};
  if (loudest_.size() < places_) {
    loudest_.push_back(place);
    return true;
  }
  const auto quietest =
      std::ranges::min_element(loudest_, {}, [now](const Place& one) { return one.at(now); });
  if (loudness < quietest->at(now) + kMargin) {
    return false;
  }
  *quietest = place;
  return true;
}

void LoudestSounds::remove(PublicationId publication) {
  std::erase_if(loudest_,
                [publication](const Place& one) { return one.publication == publication; });
}

bool Talkspurts::is_due(const MediaPacket& packet, bool is_silent, bool is_loudest) {
  if (!is_silent) {
    silent_since_ = Instant::never();
    return is_loudest;
  }
  if (silent_since_.is_never()) {
    silent_since_ = packet.arrival;
  }
  const bool ends_speech = talkspurt_ && packet.arrival - silent_since_ < kHangover;
  return ends_speech || packet.arrival - last_sent_ >= kSilenceInterval;
}

Talkspurts::Verdict Talkspurts::take(const MediaPacket& packet, std::optional<std::uint8_t> level,
                                     bool is_loudest) {
  if (!has_begun_ || packet.generation != generation_) {
    has_begun_ = true;
    generation_ = packet.generation;
    newest_ = ExtendedSequence(packet.sequence.value() - 1);
    last_sent_ = packet.arrival - kSilenceInterval;
    talkspurt_.reset();
  }
  if (packet.sequence <= newest_) {
    const bool is_within = talkspurt_ && packet.sequence >= *talkspurt_;
    return {.talkspurt = is_within ? talkspurt_ : std::nullopt, .reason = Withheld::kOutside};
  }
  const bool is_silent = level && *level >= kSilence;
  const bool is_sent = is_due(packet, is_silent, is_loudest);
  const std::uint64_t missing = packet.sequence.value() - newest_.value() - 1;
  newest_ = packet.sequence;
  if (!is_sent) {
    talkspurt_.reset();
    return {.talkspurt = std::nullopt,
            .reason = is_silent ? Withheld::kSilence : Withheld::kNotLoudest};
  }
  if (!talkspurt_) {
    talkspurt_ = ExtendedSequence(packet.sequence.value() - (missing > kMaxMissing ? 0 : missing));
  }
  last_sent_ = packet.arrival;
  return {.talkspurt = talkspurt_};
}

}  // namespace meridian::forward
