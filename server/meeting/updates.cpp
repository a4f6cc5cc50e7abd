#include "meeting/updates.hpp"

#include <algorithm>
#include <utility>

#include "meeting/limits.hpp"

namespace meridian::meeting {
namespace {

/// From this version on, clients replace a participant when its identity joins again.
constexpr int kReplacesByIdentity = 12;
/// Departures that are remembered for those who resume.
constexpr std::size_t kMaxDeparted = 512;

/// Collects participants into messages of bounded size.
class UpdateBuilder {
 public:
  void add(const livekit::ParticipantInfo& info) {
    const std::size_t size = info.ByteSizeLong();
    if (messages_.empty() || bytes_ + size > kUpdateBatchBytes) {
      messages_.emplace_back();
      bytes_ = 0;
    }
    bytes_ += size;
    *messages_.back().mutable_update()->add_participants() = info;
  }
  [[nodiscard]] std::vector<std::shared_ptr<const livekit::SignalResponse>> take() {
    std::vector<std::shared_ptr<const livekit::SignalResponse>> shared;
    shared.reserve(messages_.size());
    for (auto& message : messages_) {
      shared.push_back(std::make_shared<const livekit::SignalResponse>(std::move(message)));
    }
    messages_.clear();
    return shared;
  }

 private:
  std::vector<livekit::SignalResponse> messages_;
  std::size_t bytes_ = 0;
};

}  // namespace

void Updates::mark(Participant& participant, Audience audience, Urgency urgency, Instant now) {
  participant.touch();
  Change& change = changes_[participant.sid()];
  change.audience = std::max(change.audience, audience);
  const bool waits = urgency == Urgency::kBatched && room_.roster.size() > kSmallRoom;
  changes_due_ = std::min(changes_due_, waits ? now + kUpdateBatch : now);
}

void Updates::mark_left(const Participant& participant, Departure departure, Instant now) {
  changes_.erase(participant.sid());
  if (participant.is_hidden()) {
    return;
  }
  livekit::ParticipantInfo state = participant.full_info();
  state.set_state(livekit::ParticipantInfo::DISCONNECTED);
  state.set_version(state.version() + 1);
  if (departure == Departure::kLeft) {
    forget_departed(now);
    departed_.push_back({now, state});
    const bool waits = state.tracks().empty() && room_.roster.size() > kSmallRoom;
    changes_[participant.sid()] = {std::move(state), Audience::kOthers};
    changes_due_ = std::min(changes_due_, waits ? now + kUpdateBatch : now);
    return;
  }
  livekit::SignalResponse message;
  *message.mutable_update()->add_participants() = std::move(state);
  for (const auto& other : room_.roster.all()) {
    if (other.get() != &participant && other->client.protocol() < kReplacesByIdentity) {
      room_.send(*other, message);
    }
  }
}

void Updates::mark_room(Instant now, Urgency urgency) {
  if (urgency == Urgency::kNow) {
    room_due_ = now;
    return;
  }
  if (!room_due_.is_never()) {
    return;
  }
  room_due_ = room_told_ ? std::max(now, *room_told_ + kRoomUpdateInterval) : now;
}

void Updates::flush(Instant now) {
  if (changes_due_ <= now) {
    changes_due_ = Instant::never();
    send_changes();
  }
  if (room_due_ <= now) {
    room_due_ = Instant::never();
    room_told_ = now;
    livekit::SignalResponse message;
    *message.mutable_room_update()->mutable_room() = room_.info();
    const auto shared = std::make_shared<const livekit::SignalResponse>(std::move(message));
    for (const auto& participant : room_.roster.all()) {
      room_.send_shared(*participant, shared);
    }
  }
}

Instant Updates::next_timeout() const {
  return std::min(changes_due_, room_due_);
}

std::optional<livekit::ParticipantInfo> Updates::state_of(const ParticipantSid& sid,
                                                          const Change& change) const {
  if (change.last_state) {
    return change.last_state;
  }
  const Participant* participant = room_.roster.find(sid);
  return participant == nullptr ? std::nullopt : std::optional(participant->full_info());
}

void Updates::send_changes() {
  const auto changes = std::exchange(changes_, {});
  std::vector<std::pair<ParticipantSid, livekit::ParticipantInfo>> states;
  UpdateBuilder everything;
  for (const auto& [sid, change] : changes) {
    auto state = state_of(sid, change);
    if (!state) {
      continue;
    }
    if (!state->permission().hidden()) {
      everything.add(*state);
    }
    states.emplace_back(sid, std::move(*state));
  }
  const auto shared = everything.take();
  for (const auto& participant : room_.roster.all()) {
    const auto own = changes.find(participant->sid());
    const bool is_plain = own == changes.end() || (own->second.audience == Audience::kEveryone &&
                                                   !participant->is_hidden());
    if (is_plain) {
      for (const auto& message : shared) {
        room_.send_shared(*participant, message);
      }
      continue;
    }
    UpdateBuilder tailored;
    for (const auto& [sid, state] : states) {
      const bool is_own = sid == participant->sid();
      if (is_own ? own->second.audience == Audience::kEveryone : !state.permission().hidden()) {
        tailored.add(state);
      }
    }
    for (const auto& message : tailored.take()) {
      room_.send_shared(*participant, message);
    }
  }
}

void Updates::forget_departed(Instant now) {
  while (!departed_.empty() && (now - departed_.front().at > kSignalGrace + kMediaGrace ||
                                departed_.size() >= kMaxDeparted)) {
    departed_.pop_front();
  }
}

void Updates::send_everyone(const Participant& to, Instant now) {
  forget_departed(now);
  UpdateBuilder builder;
  for (const Departed& gone : departed_) {
    // Clients know people by identity: don't take away somebody who came back.
    if (room_.roster.find(Identity(gone.state.identity())) == nullptr) {
      builder.add(gone.state);
    }
  }
  for (const auto& participant : room_.roster.all()) {
    if (!participant->is_hidden() || participant.get() == &to) {
      builder.add(participant->full_info());
    }
  }
  for (const auto& message : builder.take()) {
    room_.send_shared(to, message);
  }
}

}  // namespace meridian::meeting
