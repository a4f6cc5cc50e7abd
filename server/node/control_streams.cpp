// WHIP and WHEP: participants whose signalling is a few HTTP requests.
#include <utility>

#include "meeting/ice_servers.hpp"
#include "meeting/negotiation_offer.hpp"
#include "node/control_state.hpp"

namespace meridian::node {
namespace {

using signalling::HttpRequest;
using signalling::HttpResponse;
using signalling::Refusal;
using signalling::StreamKind;

/// How soon a player should ask again, in seconds.
constexpr std::string_view kRetryAfter = "2";

std::unexpected<Refusal> refused(unsigned status, std::string_view error,
                                 std::string_view message) {
  return std::unexpected(
      Refusal{signalling::stream_error(status, error, message), std::string(error)});
}

std::unexpected<Refusal> wrong_type(std::string_view header, std::string_view type) {
  Refusal refusal{signalling::stream_error(415, "unsupported_media_type",
                                           "the body must be " + std::string(type)),
                  "bad_request"};
  refusal.response.with(std::string(header), std::string(type));
  return std::unexpected(std::move(refusal));
}

HttpResponse stream_method_not_allowed(std::string_view allowed) {
  HttpResponse response =
      signalling::stream_error(405, "method_not_allowed", "use one of " + std::string(allowed));
  response.with("Allow", std::string(allowed));
  return response;
}

/// Methods that are named in metrics.
std::string method_name(std::string_view method) {
  for (const std::string_view known : {"POST", "PATCH", "DELETE", "GET"}) {
    if (method == known) {
      return std::string(known);
    }
  }
  return "other";
}

std::string value_after(std::string_view sdp, std::string_view key) {
  const std::size_t at = sdp.find(key);
  if (at == std::string_view::npos) {
    return {};
  }
  const std::string_view rest = sdp.substr(at + key.size());
  return std::string(rest.substr(0, rest.find_first_of("\r\n")));
}

std::string etag_of(std::string_view answer) {
  return value_after(answer, "a=ice-ufrag:");
}

std::string quoted(const std::string& etag) {
  return "\"" + etag + "\"";
}

livekit::SignalRequest offer_request(const std::string& sdp) {
  livekit::SignalRequest request;
  request.mutable_offer()->set_type("offer");
  request.mutable_offer()->set_sdp(sdp);
  return request;
}

audit::Digest digest_of(std::string_view token) {
  return audit::sha256({as_bytes(token)});
}

/// Every refusal has the same form here, whoever made it.
HttpResponse as_json(Refusal refusal) {
  HttpResponse& response = refusal.response;
  if (!response.body.starts_with('{')) {
    response = signalling::stream_error(response.status, refusal.reason, response.body);
  }
  if (response.status == 401) {
    response.with("WWW-Authenticate", "Bearer");
  }
  return std::move(response);
}

/// What a client wants to play, from the query.
meeting::TrackChoice choice_of(const HttpRequest& request, const sdp::Session& offer) {
  const auto room_for = signalling::receivable(offer);
  return {.publisher = meeting::Identity(request.query("participant").value_or("")),
          .track = meeting::TrackSid(request.query("track").value_or("")),
          .max_audios = room_for.audios,
          .max_videos = room_for.videos};
}

std::unexpected<Refusal> not_live() {
  Refusal refusal{
      signalling::stream_error(409, "not_live", "nothing is published that could be played"),
      "not_live"};
  refusal.response.with("Retry-After", std::string(kRetryAfter));
  return std::unexpected(std::move(refusal));
}

/// Names the servers that a client of signalling would be told of, if its network needs any.
void name_ice_servers(HttpResponse& response, const meeting::Room& room,
                      const meeting::ParticipantSid& sid, Now now) {
  if (const meeting::Participant* participant = room.roster.find(sid)) {
    google::protobuf::RepeatedPtrField<livekit::ICEServer> servers;
    meeting::add_ice_servers(room, *participant, now.wall, servers);
    signalling::add_ice_links(response, servers);
  }
}

/// Why a publisher's tracks were not taken.
std::unexpected<Refusal> track_refused(livekit::RequestResponse::Reason reason) {
  return reason == livekit::RequestResponse::NOT_ALLOWED
             ? refused(403, "forbidden", "this token doesn't permit to publish these tracks")
             : refused(422, "limit", "the offer has more tracks than this node takes");
}

}  // namespace

HttpResponse Control::State::stream(const signalling::StreamPath& path, const HttpRequest& request,
                                    Now now) {
  StreamAnswer answer;
  if (path.session.empty()) {
    answer = request.method == "POST" ? open_stream(path.kind, request, now)
                                      : stream_method_not_allowed("OPTIONS, POST");
  } else if (request.method == "PATCH" || request.method == "DELETE") {
    const auto id = find_stream(path, request, now);
    if (!id) {
      answer = std::unexpected(id.error());
    } else if (request.method == "PATCH") {
      answer = patch_stream(*id, request, now);
    } else {
      leave_stream(*id, now);
      answer = HttpResponse{200, {}, {}};
    }
  } else {
    answer = stream_method_not_allowed("OPTIONS, PATCH, DELETE");
  }
  if (!answer && request.method == "POST") {
    count_refusal(answer.error().reason);
    log(LogLevel::kInfo, "join_refused",
        {{"reason", answer.error().reason}, {"region", request.listener_region.value()}});
  }
  HttpResponse response = answer ? std::move(*answer) : as_json(std::move(answer.error()));
  ++stream_requests[{std::string(signalling::name_of(path.kind)), method_name(request.method),
                     response.status}];
  return response;
}

Control::State::StreamAnswer Control::State::open_stream(StreamKind kind,
                                                         const HttpRequest& request, Now now) {
  auto intent = signalling::read_bare_join(request, config.config.limits, directory, now.wall);
  if (!intent) {
    return std::unexpected(std::move(intent.error()));
  }
  if (!signalling::has_content_type(request, signalling::kSdpType)) {
    return wrong_type("Accept-Post", signalling::kSdpType);
  }
  const auto offer = meeting::check_description(request.body);
  if (!offer) {
    return refused(400, "bad_sdp", meeting::to_string(offer.error()));
  }
  report_pools();
  if (auto refusal = obstacle(*intent)) {
    return std::unexpected(std::move(*refusal));
  }
  livekit::ParticipantPermission& permission = intent->grant.permission;
  if (kind == StreamKind::kIngest) {
    if (!permission.can_publish()) {
      return refused(403, "forbidden", "this token doesn't permit to publish");
    }
    if (signalling::tracks_of(offer->session, false).empty()) {
      return refused(422, "bad_sdp", "the offer sends nothing");
    }
    permission.set_can_subscribe(false);
  } else {
    const auto room_for = signalling::receivable(offer->session);
    if (room_for.audios + room_for.videos == 0) {
      return refused(422, "bad_sdp", "the offer receives nothing");
    }
    if (!permission.can_subscribe()) {
      return refused(403, "forbidden", "this token doesn't permit to subscribe");
    }
    permission.set_can_publish(false);
    if (auto refusal = nothing_to_play(*intent, request.listener_region)) {
      return std::unexpected(std::move(*refusal));
    }
  }
  return begin_stream(kind, request, std::move(*intent), offer->session, now);
}

std::optional<Refusal> Control::State::nothing_to_play(const signalling::JoinIntent& intent,
                                                       const RegionId& arrived_at) {
  const meeting::Meeting* meeting = find_meeting({intent.caller.account, intent.room});
  if (meeting != nullptr && meeting->tracks() > 0) {
    return std::nullopt;
  }
  const auto decision = residency::decide(
      signalling::residency_question(intent.caller, {arrived_at, intent.hint, meeting}, directory));
  if (const auto* denied = std::get_if<residency::Denied>(&decision)) {
    return signalling::residency_refusal(*denied, directory);
  }
  return not_live().error();
}

void Control::State::act(SignalSessionId id, const livekit::SignalRequest& request, Now now) {
  const auto found = clients.find(id);
  meeting::Meeting* meeting =
      found == clients.end() ? nullptr : find_meeting(found->second.meeting);
  if (meeting != nullptr) {
    meeting->handle_request(found->second.participant, id, request, now);
  }
  drain_signals(now);
}

void Control::State::leave_stream(SignalSessionId id, Now now) {
  livekit::SignalRequest request;
  request.mutable_leave()->set_reason(livekit::CLIENT_INITIATED);
  act(id, request, now);
}

Control::State::StreamAnswer Control::State::begin_stream(StreamKind kind,
                                                          const HttpRequest& request,
                                                          signalling::JoinIntent intent,
                                                          const sdp::Session& offer, Now now) {
  intent.is_told = false;
  intent.request.mutable_connection_settings()->set_auto_subscribe(false);
  const auto token = signalling::read_token(request);
  const auto id = join(std::move(intent), request.listener_region, now);
  if (!id) {
    return std::unexpected(id.error());
  }
  Client& client = clients.at(*id);
  const std::string sid = client.participant.value();
  client.stream = std::make_unique<StreamSession>(kind, digest_of(*token), now.monotonic);
  streams.emplace(sid, *id);
  drain_signals(now);

  if (kind == StreamKind::kIngest) {
    const bool is_screen = request.query("source") == "screen_share";
    for (const livekit::AddTrackRequest& track : signalling::tracks_of(offer, is_screen)) {
      livekit::SignalRequest add;
      *add.mutable_add_track() = track;
      act(*id, add, now);
    }
  } else {
    const meeting::Meeting* meeting = find_meeting(client.meeting);
    livekit::SignalRequest wish;
    wish.mutable_subscription()->set_subscribe(true);
    for (const meeting::TrackSid& track :
         meeting->choose_tracks(client.participant, choice_of(request, offer))) {
      wish.mutable_subscription()->add_track_sids(track.value());
    }
    if (wish.subscription().track_sids().empty()) {
      leave_stream(*id, now);
      return not_live();
    }
    act(*id, wish, now);
  }
  act(*id, offer_request(request.body), now);
  return conclude_stream(*id, request, now);
}

Control::State::StreamAnswer Control::State::conclude_stream(SignalSessionId id,
                                                             const HttpRequest& request, Now now) {
  const auto found = clients.find(id);
  if (found == clients.end()) {  // the meeting showed it out
    return refused(422, "bad_sdp", "the offer can't be answered");
  }
  const Client& client = found->second;
  StreamSession& stream = *client.stream;
  const meeting::Meeting* meeting = find_meeting(client.meeting);
  if (stream.refused) {
    const auto reason = *stream.refused;
    leave_stream(id, now);
    return track_refused(reason);
  }
  const bool is_used = stream.kind == StreamKind::kIngest ? meeting->publishes(client.participant)
                                                          : stream.sent_tracks > 0;
  if (!is_used) {
    leave_stream(id, now);
    return refused(422, "no_common_codec", "there is no codec in common");
  }
  stream.offer = request.body;
  stream.remote = meeting::check_description(request.body)->credentials;
  stream.etag = etag_of(stream.answer);
  HttpResponse response{201, {}, std::exchange(stream.answer, {})};
  response.with("Content-Type", std::string(signalling::kSdpType))
      .with("Location", "/" + std::string(signalling::name_of(stream.kind)) + "/v1/" +
                            client.participant.value())
      .with("ETag", quoted(stream.etag));
  name_ice_servers(response, meeting->room(), client.participant, now);
  return response;
}

base::Expected<SignalSessionId, Refusal> Control::State::find_stream(
    const signalling::StreamPath& path, const HttpRequest& request, Now now) {
  const auto token = signalling::read_token(request);
  if (!token) {
    return std::unexpected(token.error());
  }
  const auto found = streams.find(path.session);
  Client* client = found == streams.end() ? nullptr : &clients.at(found->second);
  if (client == nullptr || client->stream->token != digest_of(*token)) {
    // Not the token that began it: a later one of the same participant will do.
    const auto caller = signalling::read_caller(request, config.config.limits, directory, now.wall);
    if (!caller) {
      return std::unexpected(caller.error());
    }
    const meeting::Meeting* meeting = client == nullptr ? nullptr : find_meeting(client->meeting);
    const meeting::Participant* participant =
        meeting == nullptr ? nullptr : meeting->find(meeting::Identity(caller->claims.identity));
    const bool is_theirs = participant != nullptr && client->meeting.first == caller->account &&
                           participant->sid() == client->participant && caller->claims.video &&
                           caller->claims.video->room == client->meeting.second;
    if (!is_theirs) {
      return refused(404, "not_found", "there is no such session");
    }
  }
  if (client->stream->kind != path.kind) {
    return refused(404, "not_found", "there is no such session");
  }
  if (!client->stream->take_allowance(now.monotonic)) {
    return refused(429, "too_many_requests", "too many requests about this session");
  }
  return found->second;
}

Control::State::StreamAnswer Control::State::patch_stream(SignalSessionId id,
                                                          const HttpRequest& request, Now now) {
  const StreamSession& stream = *clients.at(id).stream;
  if (!signalling::has_content_type(request, signalling::kFragmentType)) {
    return wrong_type("Accept-Patch", signalling::kFragmentType);
  }
  const auto precondition = signalling::check_precondition(request, stream.etag);
  if (precondition == signalling::Precondition::kMissing) {
    return refused(428, "precondition_required", "send If-Match");
  }
  if (precondition == signalling::Precondition::kFailed) {
    return refused(412, "precondition_failed", "the ICE session is another one by now");
  }
  const auto fragment = signalling::parse_fragment(request.body);
  if (!fragment) {
    return refused(400, "bad_fragment", fragment.error());
  }
  const ice::Credentials& remote = fragment->credentials;
  if (!remote.ufrag.empty() && remote != stream.remote) {
    return restart_stream(id, remote, now);
  }
  return HttpResponse{204, {}, {}};  // where the client is, its checks tell
}

Control::State::StreamAnswer Control::State::restart_stream(SignalSessionId id,
                                                            const ice::Credentials& remote,
                                                            Now now) {
  const std::string offer = signalling::with_credentials(clients.at(id).stream->offer, remote);
  const auto checked = meeting::check_description(offer);
  if (!checked) {
    return refused(400, "bad_fragment", meeting::to_string(checked.error()));
  }
  act(id, offer_request(offer), now);
  const auto found = clients.find(id);
  if (found == clients.end() || found->second.stream->answer.empty()) {
    return refused(422, "bad_sdp", "ICE can't be restarted");
  }
  const Client& client = found->second;
  StreamSession& stream = *client.stream;
  const std::string answer = std::exchange(stream.answer, {});
  stream.offer = offer;
  stream.remote = remote;
  stream.etag = etag_of(answer);
  HttpResponse response{200, {}, signalling::restart_fragment(answer)};
  response.with("Content-Type", std::string(signalling::kFragmentType))
      .with("ETag", quoted(stream.etag));
  // The credentials of before may have run out.
  name_ice_servers(response, find_meeting(client.meeting)->room(), client.participant, now);
  return response;
}

}  // namespace meridian::node
