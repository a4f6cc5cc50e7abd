// livekit.AgentDispatchService: agents that are asked for by name.
#include <algorithm>
#include <array>

#include "rooms/room_call.hpp"
#include "rooms/room_settings.hpp"

namespace meridian::rooms {

const RoomService::Method* RoomService::find_dispatch_method(std::string_view name) {
  using S = RoomService;
  static constexpr std::array<Method, 3> kMethods{{
      {"CreateDispatch", &run<livekit::CreateAgentDispatchRequest, &S::create_dispatch>},
      {"DeleteDispatch", &run<livekit::DeleteAgentDispatchRequest, &S::delete_dispatch>},
      {"ListDispatch", &run<livekit::ListAgentDispatchRequest, &S::list_dispatch>},
  }};
  const auto* found = std::ranges::find(kMethods, name, &Method::name);
  return found == kMethods.end() ? nullptr : found;
}

TwirpResult<livekit::AgentDispatch> RoomService::create_dispatch(
    const livekit::CreateAgentDispatchRequest& request, const Call& call) {
  if (request.ByteSizeLong() > config_.config.limits.metadata_size) {
    return fail(TwirpCode::kInvalidArgument,
                "the dispatch exceeds the limit of " +
                    std::to_string(config_.config.limits.metadata_size) + " bytes");
  }
  auto meeting = administered(request.room(), call);
  const bool is_missing = !meeting && meeting.error().code == TwirpCode::kNotFound;
  if (is_missing && !request.room().empty() &&
      (config_.config.rooms.auto_create || call.caller.claims.video->room_create)) {
    auto options = configured_options(config_.config.rooms, {});
    if (!options) {
      return std::unexpected(std::move(options.error()));
    }
    meeting = config_.host.create_room(call.caller, request.room(), std::move(*options), call.now);
  }
  if (!meeting) {
    return std::unexpected(std::move(meeting.error()));
  }
  const meeting::Room& room = (*meeting)->room();
  auto made = config_.agents.dispatch(
      {.account = room.account, .levels = room.levels, .room = room.info()}, request, call.now);
  if (!made) {
    return fail(TwirpCode::kResourceExhausted, "the room has too many dispatches");
  }
  return std::move(*made);
}

TwirpResult<livekit::AgentDispatch> RoomService::delete_dispatch(
    const livekit::DeleteAgentDispatchRequest& request, const Call& call) {
  if (const auto meeting = administered(request.room(), call); !meeting) {
    return std::unexpected(meeting.error());
  }
  auto removed = config_.agents.remove_dispatch(call.caller.account, request.room(),
                                                request.dispatch_id(), call.now);
  if (!removed) {
    return fail(TwirpCode::kNotFound, "dispatch does not exist");
  }
  return std::move(*removed);
}

TwirpResult<livekit::ListAgentDispatchResponse> RoomService::list_dispatch(
    const livekit::ListAgentDispatchRequest& request, const Call& call) {
  if (const auto meeting = administered(request.room(), call); !meeting) {
    return std::unexpected(meeting.error());
  }
  livekit::ListAgentDispatchResponse response;
  for (auto& dispatch :
       config_.agents.dispatches(call.caller.account, request.room(), request.dispatch_id())) {
    *response.add_agent_dispatches() = std::move(dispatch);
  }
  return response;
}

}  // namespace meridian::rooms
