// People who are forwarded from one room of an account to another: what the two rooms, which know
// nothing of each other, are told.
#include <algorithm>
#include <utility>

#include "node/control_state.hpp"

namespace meridian::node {

using rooms::TwirpCode;
using rooms::TwirpError;

namespace {

/// Each costs a look after each turn of the control thread.
constexpr std::size_t kMaxForwards = 1000;

std::unexpected<TwirpError> not_permitted(std::string text, std::string reason) {
  return std::unexpected(
      TwirpError{TwirpCode::kPermissionDenied, std::move(text), {{"reason", std::move(reason)}}});
}

}  // namespace

rooms::TwirpResult<void> Control::State::check_forward(const meeting::Meeting& from,
                                                       const meeting::Participant& who,
                                                       const meeting::Meeting& to) {
  const directory::Account* account = directory.find_account(from.room().account);
  // Where its media is, it must be permitted as a part of either room.
  if (account == nullptr || !account->policy.allows(who.region, from.room().levels)) {
    return not_permitted("the account doesn't permit the media of its room where it is",
                         "region_not_allowed");
  }
  if (auto movable = check_move(who, to); !movable) {
    return movable;
  }
  residency::RegionSet in_use = to.regions_in_use();
  in_use.insert(who.region);
  if (!to.suits(who.home_account, in_use)) {
    return not_permitted("the participant's own account doesn't permit a region of that room",
                         "guest_policy_conflict");
  }
  return {};
}

rooms::TwirpResult<void> Control::State::forward_participant(meeting::Meeting& from,
                                                             const meeting::Participant& who,
                                                             meeting::Meeting& to, Now now) {
  const meeting::Identity identity(who.info.identity());
  const RoomNumber source = from.room().number;
  const RoomNumber destination = to.room().number;
  const bool is_there = std::ranges::any_of(forwards, [&](const Forward& forward) {
    return forward.from == source && forward.to == destination && forward.identity == identity;
  });
  if (is_there) {
    return {};
  }
  if (who.is_forwarded() || to.find(identity) != nullptr) {
    return std::unexpected(
        TwirpError{TwirpCode::kFailedPrecondition,
                   who.is_forwarded() ? "the participant is itself forwarded from another room"
                                      : "somebody of that identity is in the destination already"});
  }
  if (forwards.size() >= kMaxForwards) {
    return std::unexpected(
        TwirpError{TwirpCode::kResourceExhausted, "too many participants are forwarded"});
  }
  if (auto permitted = check_forward(from, who, to); !permitted) {
    return permitted;
  }
  forwards.push_back({.from = source, .identity = identity, .to = destination});
  begin_forward(forwards.back(), from, who, to, now);
  return {};
}

void Control::State::begin_forward(Forward& forward, const meeting::Meeting& from,
                                   const meeting::Participant& who, meeting::Meeting& to, Now now) {
  to.evict_conflicting_guests(who.region, now);
  forward.source = who.sid();
  forward.copy = to.begin_forward(who, from.room().levels, now);
  log(LogLevel::kInfo, "participant_forwarded",
      {{"account", from.room().account.value()},
       {"room", from.room().sid.value()},
       {"participant", forward.source.value()},
       {"destination", to.room().sid.value()},
       {"copy", forward.copy->value()}});
}

void Control::State::suspend(Forward& forward, Now now) {
  if (!forward.copy) {
    return;
  }
  const meeting::ParticipantSid copy = *std::exchange(forward.copy, std::nullopt);
  if (meeting::Meeting* to = find_meeting(forward.to)) {
    to->end_forward(copy, now);
  }
  if (meeting::Meeting* from = find_meeting(forward.from)) {
    from->forget_forward(forward.identity, copy);
  }
}

void Control::State::suspend_forwards(const meeting::Meeting& meeting, Now now) {
  for (Forward& forward : forwards) {
    if (forward.from == meeting.room().number || forward.to == meeting.room().number) {
      suspend(forward, now);
    }
  }
}

void Control::State::review_forwards(const residency::AccountPolicy& policy, Now now) {
  for (Forward& forward : forwards) {
    const meeting::Meeting* from = find_meeting(forward.from);
    const meeting::Meeting* to = find_meeting(forward.to);
    if (from == nullptr || to == nullptr || from->room().account != policy.account()) {
      continue;
    }
    const residency::RegionSet regions = to->regions_in_use();
    const bool is_permitted = std::ranges::all_of(regions, [&](const RegionId& region) {
      return policy.allows(region, from->room().levels) && policy.allows(region, to->room().levels);
    });
    if (!is_permitted) {
      suspend(forward, now);
    }
  }
}

bool Control::State::follow(Forward& forward, Now now) {
  meeting::Meeting* from = find_meeting(forward.from);
  meeting::Meeting* to = find_meeting(forward.to);
  const meeting::Participant* who = from != nullptr ? from->find(forward.identity) : nullptr;
  const meeting::Participant* copy =
      to != nullptr && forward.copy ? to->find(*forward.copy) : nullptr;
  if (who == nullptr || who->is_forwarded() || to == nullptr || (forward.copy && copy == nullptr)) {
    return false;  // it left, or was removed from where it was forwarded to
  }
  // Who reconnects is another participant of the same identity.
  if (copy != nullptr && (who->sid() != forward.source || who->is_hidden() != copy->is_hidden())) {
    suspend(forward, now);
  }
  if (!forward.copy) {
    if (to->find(forward.identity) != nullptr || !check_forward(*from, *who, *to)) {
      return false;
    }
    begin_forward(forward, *from, *who, *to, now);
  }
  to->follow(*forward.copy, *who, now);
  if (const meeting::Participant* watched = to->find(*forward.copy)) {
    from->ask_forwarded(forward.source, *watched);
  }
  return true;
}

void Control::State::follow_forwards(Now now) {
  for (std::size_t i = 0; i < forwards.size();) {
    if (follow(forwards[i], now)) {
      ++i;
      continue;
    }
    suspend(forwards[i], now);
    forwards.erase(forwards.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

void Control::State::forward_speakers(const forward::SpeakersChanged& report, Now now) {
  for (const Forward& forward : forwards) {
    meeting::Meeting* to = forward.from == report.room ? find_meeting(forward.to) : nullptr;
    const meeting::Participant* copy =
        to != nullptr && forward.copy ? to->find(*forward.copy) : nullptr;
    if (copy == nullptr) {
      continue;
    }
    forward::SpeakersChanged heard{.room = forward.to, .speakers = {}};
    for (const auto& publication : copy->publications) {
      const auto speaker = std::ranges::find(report.speakers, *publication->source,
                                             &forward::SpeakerLevel::publication);
      if (speaker != report.speakers.end()) {
        heard.speakers.push_back(*speaker);
        heard.speakers.back().publication = publication->id;
      }
    }
    if (!heard.speakers.empty()) {
      to->handle_event(heard, now);
    }
  }
}

}  // namespace meridian::node
