#include "meeting/speakers.hpp"

#include <algorithm>
#include <cmath>

namespace meridian::meeting {
namespace {

constexpr float kSimulatedLevel = 0.875F;

/// Levels are told in eighths: smaller changes are nothing that a page would show.
float quantize(float level) {
  return std::ceil(level * 8.F) / 8.F;
}

bool can_hear(const Participant& listener, const Participant& speaker) {
  if (&listener == &speaker) {
    return true;
  }
  for (const auto& publication : speaker.publications) {
    if (publication->kind == rtp::MediaKind::kAudio &&
        listener.subscriptions.contains(publication->id)) {
      return true;
    }
  }
  return false;
}

}  // namespace

void Speakers::handle(const forward::SpeakersChanged& report) {
  std::set<ParticipantSid> changed;
  for (const forward::SpeakerLevel& speaker : report.speakers) {
    const Participant* publisher = room_.roster.find(speaker.publication);
    if (publisher == nullptr || publisher->is_hidden()) {
      continue;
    }
    const livekit::SpeakerInfo before = merged(publisher->sid());
    livekit::SpeakerInfo& level = levels_[publisher->sid()][speaker.publication];
    level.set_sid(publisher->info.sid());
    level.set_active(speaker.is_active);
    level.set_level(speaker.is_active ? quantize(speaker.level) : 0);
    const livekit::SpeakerInfo after = merged(publisher->sid());
    if (before.active() != after.active() || before.level() != after.level()) {
      changed.insert(publisher->sid());
    }
  }
  tell(changed);
}

void Speakers::forget(const Participant& publisher, PublicationId publication) {
  const auto found = levels_.find(publisher.sid());
  if (found == levels_.end()) {
    return;
  }
  const bool was_active = merged(publisher.sid()).active();
  found->second.erase(publication);
  if (was_active && !merged(publisher.sid()).active()) {
    tell({publisher.sid()});
  }
  if (found->second.empty()) {
    levels_.erase(found);
  }
}

void Speakers::simulate(const Participant& speaker, Instant until) {
  // As a track of no publication.
  livekit::SpeakerInfo& level = levels_[speaker.sid()][PublicationId{}];
  level.set_sid(speaker.info.sid());
  level.set_active(true);
  level.set_level(kSimulatedLevel);
  simulated_[speaker.sid()] = until;
  tell({speaker.sid()});
}

void Speakers::handle_timeout(Instant now) {
  std::set<ParticipantSid> over;
  for (const auto& [sid, until] : simulated_) {
    if (until <= now) {
      over.insert(sid);
    }
  }
  for (const ParticipantSid& sid : over) {
    simulated_.erase(sid);
    Tracks& tracks = levels_[sid];
    tracks.erase(PublicationId{});
    tell({sid});
    if (tracks.empty()) {
      levels_.erase(sid);
    }
  }
}

Instant Speakers::next_timeout() const {
  Instant next = Instant::never();
  for (const auto& [sid, until] : simulated_) {
    next = std::min(next, until);
  }
  return next;
}

livekit::SpeakerInfo Speakers::merged(const ParticipantSid& sid) const {
  livekit::SpeakerInfo loudest;
  loudest.set_sid(sid.value());
  const auto found = levels_.find(sid);
  if (found == levels_.end()) {
    return loudest;
  }
  for (const auto& [publication, level] : found->second) {
    if (level.active() && (!loudest.active() || level.level() > loudest.level())) {
      loudest = level;
    }
  }
  return loudest;
}

void Speakers::tell(const std::set<ParticipantSid>& changed) const {
  if (changed.empty()) {
    return;
  }
  for (const auto& listener : room_.roster.all()) {
    tell(*listener, changed);
  }
}

void Speakers::tell(const Participant& listener, const std::set<ParticipantSid>& speakers) const {
  livekit::SignalResponse message;
  for (const ParticipantSid& sid : speakers) {
    const Participant* speaker = room_.roster.find(sid);
    if (speaker != nullptr && can_hear(listener, *speaker)) {
      *message.mutable_speakers_changed()->add_speakers() = merged(sid);
    }
  }
  if (message.has_speakers_changed()) {
    room_.send(listener, std::move(message));
  }
}

void Speakers::tell_active(const Participant& listener) const {
  std::set<ParticipantSid> active;
  for (const auto& [sid, tracks] : levels_) {
    if (merged(sid).active()) {
      active.insert(sid);
    }
  }
  tell(listener, active);
}

void Speakers::tell_all(const Participant& listener) const {
  livekit::SignalResponse message;
  for (const auto& speaker : room_.roster.all()) {
    if (speaker->is_hidden() && speaker.get() != &listener) {
      continue;
    }
    livekit::SpeakerInfo& info = *message.mutable_speakers_changed()->add_speakers();
    if (can_hear(listener, *speaker)) {
      info = merged(speaker->sid());
    } else {
      info.set_sid(speaker->info.sid());  // it may have been heard before
    }
  }
  room_.send(listener, std::move(message));
}

}  // namespace meridian::meeting
