#include "rooms/room_service.hpp"

#include <algorithm>
#include <array>

#include "rooms/room_call.hpp"
#include "rooms/room_settings.hpp"

namespace meridian::rooms {
namespace {

using signalling::HttpAnswer;
using signalling::HttpRequest;
using signalling::HttpResponse;
using signalling::PendingResponse;

/// Names in one ListRooms.
constexpr int kMaxNames = 10'000;
/// Identities and sids in one SendData, tracks in one UpdateSubscriptions.
constexpr int kMaxDestinations = 10'000;
constexpr int kNonceSize = 16;
/// How long a method of a participant may take, in milliseconds.
constexpr std::uint32_t kDefaultRpcTimeout = 15'000;
constexpr std::uint32_t kMaxRpcTimeout = 60'000;

/// Services of LiveKit's that don't exist here.
constexpr std::array<std::string_view, 7> kOthers{
    "Egress", "Ingress", "SIP", "PhoneNumberService", "Connector", "CloudAgent", "AgentSimulation"};

std::unexpected<TwirpError> no_room() {
  return fail(TwirpCode::kNotFound, "requested room does not exist");
}

std::unexpected<TwirpError> refused(const api::AuthError& error) {
  return fail(error.status == 401 ? TwirpCode::kUnauthenticated : TwirpCode::kInvalidArgument,
              error.text);
}

std::unexpected<TwirpError> failed(meeting::AdminError error) {
  switch (error) {
    case meeting::AdminError::kNoParticipant:
      return fail(TwirpCode::kNotFound, "participant does not exist");
    case meeting::AdminError::kNoTrack:
      return fail(TwirpCode::kNotFound, "track is not published");
    case meeting::AdminError::kTooLarge:
      return fail(TwirpCode::kInvalidArgument,
                  "metadata, name, attributes or data exceed the limits of this node");
    case meeting::AdminError::kForwarded:
      return fail(TwirpCode::kFailedPrecondition,
                  "the participant is forwarded from another room, which is where to change it");
    case meeting::AdminError::kTooMany:
      return fail(TwirpCode::kResourceExhausted, "too many calls of this room wait for an answer");
  }
  return fail(TwirpCode::kInternal, "");
}

/// The value of a call into a meeting, as the answer's message or its error.
template <class Response>
TwirpResult<Response> answer(const meeting::AdminResult<void>& result) {
  return result ? TwirpResult<Response>(Response()) : failed(result.error());
}

TwirpResult<void> check_name(std::string_view what, const std::string& name, std::size_t limit) {
  if (name.empty()) {
    return fail(TwirpCode::kInvalidArgument, std::string(what) + " cannot be empty");
  }
  if (name.size() > limit) {
    return fail(TwirpCode::kInvalidArgument,
                std::string(what) + " exceeds the limit of " + std::to_string(limit) + " bytes");
  }
  return {};
}

}  // namespace

const RoomService::Method* RoomService::find_method(std::string_view service,
                                                    std::string_view name) {
  if (service == "AgentDispatchService") {
    return find_dispatch_method(name);
  }
  using S = RoomService;
  static constexpr std::array<Method, 14> kMethods{{
      {"CreateRoom", &run<livekit::CreateRoomRequest, &S::create>},
      {"ListRooms", &run<livekit::ListRoomsRequest, &S::list>},
      {"DeleteRoom", &run<livekit::DeleteRoomRequest, &S::remove>},
      {"ListParticipants", &run<livekit::ListParticipantsRequest, &S::list_participants>},
      {"GetParticipant", &run<livekit::RoomParticipantIdentity, &S::get_participant>},
      {"RemoveParticipant", &run<livekit::RoomParticipantIdentity, &S::remove_participant>},
      {"MutePublishedTrack", &run<livekit::MuteRoomTrackRequest, &S::mute>},
      {"UpdateParticipant", &run<livekit::UpdateParticipantRequest, &S::update_participant>},
      {"UpdateSubscriptions", &run<livekit::UpdateSubscriptionsRequest, &S::update_subscriptions>},
      {"SendData", &run<livekit::SendDataRequest, &S::send_data>},
      {"UpdateRoomMetadata", &run<livekit::UpdateRoomMetadataRequest, &S::update_metadata>},
      {"ForwardParticipant", &run<livekit::ForwardParticipantRequest, &S::forward>},
      {"MoveParticipant", &run<livekit::MoveParticipantRequest, &S::move>},
      {"PerformRpc", &run<livekit::PerformRpcRequest, &S::perform_rpc>},
  }};
  const auto* found = std::ranges::find(kMethods, name, &Method::name);
  return service != "RoomService" || found == kMethods.end() ? nullptr : found;
}

HttpAnswer RoomService::handle(const HttpRequest& request, Now now) {
  const auto call = read_call(request);
  TwirpResult<Answer> answer = call ? dispatch(request, *call, now) : std::unexpected(call.error());
  const bool is_known = call && find_method(call->service, call->method) != nullptr;
  ++counts_[{is_known ? std::string(call->method) : "other",
             answer ? "ok" : std::string(name_of(answer.error().code))}];
  return answer ? HttpAnswer(std::move(*answer)) : HttpAnswer(make_response(answer.error()));
}

TwirpResult<RoomService::Answer> RoomService::dispatch(const HttpRequest& request,
                                                       const TwirpCall& call, Now now) {
  if (std::ranges::find(kOthers, call.service) != kOthers.end()) {
    return fail(TwirpCode::kUnimplemented, "this node has no such service");
  }
  const Method* method = find_method(call.service, call.method);
  if (method == nullptr) {
    return fail(TwirpCode::kBadRoute, "no such service or method");
  }
  const auto token = api::bearer_token(request.header("Authorization"));
  if (!token) {
    return refused(token.error());
  }
  const auto caller = api::authenticate(config_.directory, config_.config.limits, *token, now.wall);
  if (!caller) {
    return refused(caller.error());
  }
  return method->run(
      *this, {.caller = *caller, .request = request, .encoding = call.encoding, .now = now});
}

TwirpResult<void> RoomService::check_region(const std::string& room, const Call& call) {
  const directory::Account* account = config_.directory.find_account(call.caller.account);
  if (account == nullptr) {
    return fail(TwirpCode::kUnauthenticated, "invalid API key");
  }
  const api::RoutingClaim routing = call.caller.claims.routing.value_or(api::RoutingClaim{});
  residency::LevelNames levels{.group = routing.group, .user = routing.user, .room = room};
  if (const meeting::Meeting* meeting = config_.host.find_room(call.caller.account, room)) {
    levels = meeting->room().levels;
  }
  const residency::AccountPolicy& policy = account->policy;
  const residency::RegionSet permitted = policy.effective(levels);
  if (policy.signalling_scope() == residency::SignallingScope::kAny ||
      permitted.contains(call.request.listener_region)) {
    return {};
  }
  TwirpError error{TwirpCode::kPermissionDenied,
                   "the account doesn't permit its meetings' signalling in this region"};
  std::string names;
  for (const RegionId& region : permitted) {
    names += (names.empty() ? "" : ",") + region.value();
  }
  error.meta = {{"reason", "region_not_allowed"}, {"permitted", names}};
  return std::unexpected(std::move(error));
}

TwirpResult<meeting::Meeting*> RoomService::administered(const std::string& room,
                                                         const Call& call) {
  if (const auto allowed = api::authorize_room_admin(call.caller, room); !allowed) {
    return refused(allowed.error());
  }
  if (auto checked = check_region(room, call); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  meeting::Meeting* meeting = config_.host.find_room(call.caller.account, room);
  if (meeting == nullptr) {
    return no_room();
  }
  return meeting;
}

// ---- Rooms --------------------------------------------------------------------------------------

TwirpResult<livekit::Room> RoomService::create(const livekit::CreateRoomRequest& request,
                                               const Call& call) {
  if (const auto allowed = api::authorize_room_create(call.caller); !allowed) {
    return refused(allowed.error());
  }
  if (auto named = check_name("room name", request.name(), config_.config.limits.room_name_length);
      !named) {
    return std::unexpected(std::move(named.error()));
  }
  if (auto checked = check_region(request.name(), call); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  auto options = options_of(request, config_.config);
  if (!options) {
    return std::unexpected(std::move(options.error()));
  }
  if (const auto* meeting = config_.host.find_room(call.caller.account, request.name())) {
    return meeting->room().info();
  }
  const auto created =
      config_.host.create_room(call.caller, request.name(), std::move(*options), call.now);
  if (!created) {
    return std::unexpected(created.error());
  }
  return (*created)->room().info();
}

TwirpResult<livekit::ListRoomsResponse> RoomService::list(const livekit::ListRoomsRequest& request,
                                                          const Call& call) {
  if (const auto allowed = api::authorize_room_list(call.caller); !allowed) {
    return refused(allowed.error());
  }
  if (auto checked = check_region({}, call); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  if (request.names_size() > kMaxNames) {
    return fail(TwirpCode::kInvalidArgument, "too many names");
  }
  livekit::ListRoomsResponse response;
  if (request.names().empty()) {
    for (const meeting::Meeting* meeting : config_.host.rooms_of(call.caller.account)) {
      *response.add_rooms() = meeting->room().info();
    }
    return response;
  }
  std::vector<std::string> names(request.names().begin(), request.names().end());
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  for (const std::string& name : names) {
    if (const auto* meeting = config_.host.find_room(call.caller.account, name)) {
      *response.add_rooms() = meeting->room().info();
    }
  }
  return response;
}

TwirpResult<livekit::DeleteRoomResponse> RoomService::remove(
    const livekit::DeleteRoomRequest& request, const Call& call) {
  if (const auto allowed = api::authorize_room_create(call.caller); !allowed) {
    return refused(allowed.error());
  }
  if (auto checked = check_region(request.room(), call); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  if (config_.host.find_room(call.caller.account, request.room()) == nullptr) {
    return no_room();
  }
  config_.host.delete_room(call.caller.account, request.room(), call.now);
  return livekit::DeleteRoomResponse();
}

TwirpResult<livekit::Room> RoomService::update_metadata(
    const livekit::UpdateRoomMetadataRequest& request, const Call& call) {
  const auto meeting = administered(request.room(), call);
  if (!meeting) {
    return std::unexpected(meeting.error());
  }
  if (const auto set = (*meeting)->set_metadata(request.metadata(), call.now); !set) {
    return failed(set.error());
  }
  return (*meeting)->room().info();
}

// ---- Participants -------------------------------------------------------------------------------

TwirpResult<livekit::ListParticipantsResponse> RoomService::list_participants(
    const livekit::ListParticipantsRequest& request, const Call& call) {
  const auto meeting = administered(request.room(), call);
  if (!meeting) {
    return std::unexpected(meeting.error());
  }
  livekit::ListParticipantsResponse response;
  for (const auto& participant : (*meeting)->room().roster.all()) {
    *response.add_participants() = participant->full_info();
  }
  return response;
}

TwirpResult<livekit::ParticipantInfo> RoomService::get_participant(
    const livekit::RoomParticipantIdentity& request, const Call& call) {
  const auto meeting = administered(request.room(), call);
  if (!meeting) {
    return std::unexpected(meeting.error());
  }
  const auto* participant = (*meeting)->find(meeting::Identity(request.identity()));
  if (participant == nullptr) {
    return failed(meeting::AdminError::kNoParticipant);
  }
  return participant->full_info();
}

TwirpResult<livekit::RemoveParticipantResponse> RoomService::remove_participant(
    const livekit::RoomParticipantIdentity& request, const Call& call) {
  const auto meeting = administered(request.room(), call);
  if (!meeting) {
    return std::unexpected(meeting.error());
  }
  if (request.revoke_token_ts() != 0) {
    return fail(TwirpCode::kUnimplemented, "this node doesn't revoke tokens");
  }
  return answer<livekit::RemoveParticipantResponse>(
      (*meeting)->remove_participant(meeting::Identity(request.identity()), call.now));
}

TwirpResult<livekit::MuteRoomTrackResponse> RoomService::mute(
    const livekit::MuteRoomTrackRequest& request, const Call& call) {
  const auto meeting = administered(request.room(), call);
  if (!meeting) {
    return std::unexpected(meeting.error());
  }
  if (!request.muted() && !config_.config.rooms.remote_unmute) {
    return fail(TwirpCode::kFailedPrecondition, "remote unmute not enabled");
  }
  auto track = (*meeting)->mute_track(request, call.now);
  if (!track) {
    return failed(track.error());
  }
  livekit::MuteRoomTrackResponse response;
  *response.mutable_track() = std::move(*track);
  return response;
}

TwirpResult<livekit::ParticipantInfo> RoomService::update_participant(
    const livekit::UpdateParticipantRequest& request, const Call& call) {
  const auto meeting = administered(request.room(), call);
  if (!meeting) {
    return std::unexpected(meeting.error());
  }
  auto info = (*meeting)->update_participant(request, call.now);
  if (!info) {
    return failed(info.error());
  }
  return std::move(*info);
}

TwirpResult<livekit::UpdateSubscriptionsResponse> RoomService::update_subscriptions(
    const livekit::UpdateSubscriptionsRequest& request, const Call& call) {
  const auto meeting = administered(request.room(), call);
  if (!meeting) {
    return std::unexpected(meeting.error());
  }
  if (request.track_sids_size() > kMaxDestinations ||
      request.participant_tracks_size() > kMaxDestinations) {
    return fail(TwirpCode::kInvalidArgument, "too many tracks");
  }
  return answer<livekit::UpdateSubscriptionsResponse>(
      (*meeting)->update_subscriptions(request, call.now));
}

TwirpResult<livekit::SendDataResponse> RoomService::send_data(
    const livekit::SendDataRequest& request, const Call& call) {
  const auto meeting = administered(request.room(), call);
  if (!meeting) {
    return std::unexpected(meeting.error());
  }
  if (!request.nonce().empty() && request.nonce().size() != kNonceSize) {
    return fail(TwirpCode::kInvalidArgument, "a nonce has 16 bytes");
  }
  if (request.destination_sids_size() > kMaxDestinations ||
      request.destination_identities_size() > kMaxDestinations) {
    return fail(TwirpCode::kInvalidArgument, "too many destinations");
  }
  return answer<livekit::SendDataResponse>((*meeting)->send_data(request, call.now));
}

template <class Request>
TwirpResult<RoomService::Passage> RoomService::find_passage(const Request& request,
                                                            const Call& call) {
  const auto meeting = administered(request.room(), call);
  if (!meeting) {
    return std::unexpected(meeting.error());
  }
  if (call.caller.claims.video->destination_room != request.destination_room()) {
    return fail(TwirpCode::kUnauthenticated, "permissions denied");
  }
  if (auto named = check_name("destination room", request.destination_room(),
                              config_.config.limits.room_name_length);
      !named || request.destination_room() == request.room()) {
    return fail(TwirpCode::kInvalidArgument, "the destination must be another room");
  }
  const auto* participant = (*meeting)->find(meeting::Identity(request.identity()));
  if (participant == nullptr) {
    return failed(meeting::AdminError::kNoParticipant);
  }
  meeting::Meeting* destination =
      config_.host.find_room(call.caller.account, request.destination_room());
  if (destination == nullptr) {
    return no_room();
  }
  return Passage{.from = **meeting, .who = *participant, .to = *destination};
}

TwirpResult<livekit::ForwardParticipantResponse> RoomService::forward(
    const livekit::ForwardParticipantRequest& request, const Call& call) {
  const auto passage = find_passage(request, call);
  if (!passage) {
    return std::unexpected(passage.error());
  }
  if (auto checked = check_region(request.destination_room(), call); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  if (auto forwarded =
          config_.host.forward_participant(passage->from, passage->who, passage->to, call.now);
      !forwarded) {
    return std::unexpected(std::move(forwarded.error()));
  }
  return livekit::ForwardParticipantResponse();
}

TwirpResult<livekit::MoveParticipantResponse> RoomService::move(
    const livekit::MoveParticipantRequest& request, const Call& call) {
  const auto passage = find_passage(request, call);
  if (!passage) {
    return std::unexpected(passage.error());
  }
  if (auto movable = config_.host.check_move(passage->who, passage->to); !movable) {
    return std::unexpected(std::move(movable.error()));
  }
  return answer<livekit::MoveParticipantResponse>(
      passage->from.move_participant(meeting::Identity(request.identity()), passage->to, call.now));
}

TwirpResult<PendingResponse> RoomService::perform_rpc(const livekit::PerformRpcRequest& request,
                                                      const Call& call) {
  const auto meeting = administered(request.room(), call);
  if (!meeting) {
    return std::unexpected(meeting.error());
  }
  livekit::PerformRpcRequest bounded = request;
  if (request.response_timeout_ms() == 0) {
    bounded.set_response_timeout_ms(kDefaultRpcTimeout);
  }
  if (request.response_timeout_ms() > kMaxRpcTimeout || request.method().empty()) {
    return fail(TwirpCode::kInvalidArgument,
                "needs a method, and a timeout of at most 60000 milliseconds");
  }
  const PendingResponse pending = config_.host.defer();
  const meeting::RpcTicket ticket(pending.value());
  if (const auto begun = (*meeting)->perform_rpc(bounded, ticket, call.now); !begun) {
    return failed(begun.error());
  }
  waiting_.emplace(ticket, call.encoding);
  return pending;
}

std::optional<HttpResponse> RoomService::finish(const meeting::RpcOutcome& outcome) {
  const auto found = waiting_.find(outcome.ticket);
  if (found == waiting_.end()) {
    return std::nullopt;
  }
  const TwirpEncoding encoding = found->second;
  waiting_.erase(found);
  if (const auto* payload = std::get_if<std::string>(&outcome.result)) {
    livekit::PerformRpcResponse response;
    response.set_payload(*payload);
    return make_response(response, encoding);
  }
  if (const auto* error = std::get_if<meeting::RpcOutcome::Error>(&outcome.result)) {
    return make_response(
        TwirpError{TwirpCode::kFailedPrecondition,
                   error->message,
                   {{"rpc_code", std::to_string(error->code)}, {"rpc_data", error->data}}});
  }
  const bool has_left = std::holds_alternative<meeting::RpcOutcome::Disconnected>(outcome.result);
  return make_response(has_left ? TwirpError{TwirpCode::kUnavailable, "the participant has left"}
                                : TwirpError{TwirpCode::kDeadlineExceeded, "no answer in time"});
}

}  // namespace meridian::rooms
