// Rooms as the server API wants them: rooms::RoomService decides, this does.
#include "node/control_state.hpp"
#include "rooms/room_settings.hpp"

namespace meridian::node {

using rooms::TwirpCode;
using rooms::TwirpError;

meeting::Meeting* Control::State::find_room(const AccountId& account, const std::string& name) {
  return find_meeting({account, name});
}

std::vector<meeting::Meeting*> Control::State::rooms_of(const AccountId& account) {
  std::vector<meeting::Meeting*> found;
  for (auto entry = meetings.lower_bound({account, std::string()});
       entry != meetings.end() && entry->first.first == account; ++entry) {
    found.push_back(entry->second.get());
  }
  return found;
}

rooms::TwirpResult<meeting::Meeting*> Control::State::create_room(const api::Caller& caller,
                                                                  const std::string& name,
                                                                  meeting::RoomOptions options,
                                                                  Now now) {
  if (const auto refusal = room_obstacle(caller.account)) {
    const unsigned status = refusal->response.status;
    return std::unexpected(TwirpError{
        refusal->reason == "limit" ? TwirpCode::kResourceExhausted : TwirpCode::kUnavailable,
        refusal->response.body,
        {{"status", std::to_string(status)}}});
  }
  const directory::Account* account = directory.find_account(caller.account);
  if (account == nullptr) {
    return std::unexpected(TwirpError{TwirpCode::kUnauthenticated, "invalid API key"});
  }
  const meeting::RoomSid sid(meeting::new_sid("RM_", config.random));
  return &create_meeting({caller.account, name}, account->policy, sid, now, std::move(options));
}

void Control::State::delete_room(const AccountId& account, const std::string& name, Now now) {
  const auto found = meetings.find({account, name});
  if (found == meetings.end()) {
    return;
  }
  found->second->close(livekit::ROOM_DELETED, livekit::LeaveRequest::DISCONNECT, now);
  drain_signals(now);
  forget_meeting(found->first, *found->second, livekit::ROOM_END_API_DELETE, now);
  meetings.erase(found);
  drain_events(now);
}

rooms::TwirpResult<void> Control::State::check_move(const meeting::Participant& who,
                                                    const meeting::Meeting& destination) {
  const meeting::Room& room = destination.room();
  const meeting::Grant grant{.identity = meeting::Identity(who.info.identity()),
                             .name = {},
                             .metadata = {},
                             .attributes = {},
                             .kind = who.info.kind(),
                             .kind_details = {},
                             .permission = who.info.permission()};
  if (room.is_full(grant)) {
    return std::unexpected(TwirpError{TwirpCode::kFailedPrecondition, "the room is full"});
  }
  const directory::Account* account = directory.find_account(room.account);
  if (account == nullptr || !account->policy.allows(who.region, room.levels)) {
    return std::unexpected(
        TwirpError{TwirpCode::kPermissionDenied,
                   "the account doesn't permit that room's media where the participant is",
                   {{"reason", "region_not_allowed"}}});
  }
  return {};
}

void Control::State::drain_events(Now now) {
  for (const meeting::RoomEvent& event : std::exchange(outbox.events, {})) {
    webhooks.add(event, now);
    if (agents.wants(event.account)) {
      agents.handle(event, now);
    }
  }
}

void Control::State::finish_rpcs() {
  for (const meeting::RpcOutcome& outcome : std::exchange(outbox.rpcs, {})) {
    if (auto response = room_service.finish(outcome)) {
      signalling::allow_every_origin(*response);
      respond(signalling::PendingResponse(outcome.ticket.value()), std::move(*response));
    }
  }
}

}  // namespace meridian::node
