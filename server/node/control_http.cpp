// The plain HTTP endpoints.
#include <variant>

#include <boost/json.hpp>

#include "api/admin_routes.hpp"
#include "api/token_endpoint.hpp"
#include "api/url.hpp"
#include "meeting/explanation.hpp"
#include "node/control_state.hpp"

namespace meridian::node {
namespace {

using signalling::HttpRequest;
using signalling::HttpResponse;

HttpResponse json_error(unsigned status, std::string_view error, std::string_view message) {
  return HttpResponse::json(
      status, boost::json::serialize(boost::json::object{{"error", error}, {"message", message}}));
}

HttpResponse method_not_allowed(std::string allowed) {
  HttpResponse response = json_error(405, "method_not_allowed", "use " + allowed);
  response.with("Allow", std::move(allowed));
  return response;
}

/// A refusal whose body may be plain text, as JSON for our own endpoints.
HttpResponse with_json(const signalling::Refusal& refusal) {
  return refusal.response.body.starts_with('{')
             ? refusal.response
             : json_error(refusal.response.status, refusal.reason, refusal.response.body);
}

/// The room of `/debug/rooms/{room}`, decoded.
std::optional<std::string> debugged_room(std::string_view path) {
  constexpr std::string_view kPrefix = "/debug/rooms/";
  if (!path.starts_with(kPrefix) || path.size() == kPrefix.size()) {
    return std::nullopt;
  }
  return api::percent_decode(path.substr(kPrefix.size()));
}

/// Clients' pages live anywhere; that of administrators comes from this node.
bool is_for_every_origin(std::string_view path) {
  return !api::is_admin_path(path) || path == "/v1/regions";
}

}  // namespace

signalling::HttpAnswer Control::handle_http(const HttpRequest& request, Now now) {
  if (request.method == "OPTIONS") {
    return signalling::parse_stream_path(request.path()) ? signalling::stream_preflight()
                                                         : signalling::preflight();
  }
  signalling::HttpAnswer answer = state_->route(request, now);
  auto* response = std::get_if<HttpResponse>(&answer);
  if (response != nullptr && is_for_every_origin(request.path())) {
    signalling::allow_every_origin(*response);
  }
  state_->drain_signals(now);
  return answer;
}

std::vector<std::pair<signalling::PendingResponse, HttpResponse>> Control::take_http_responses() {
  return std::exchange(state_->http_responses, {});
}

void Control::State::respond(signalling::PendingResponse request, HttpResponse response) {
  http_responses.emplace_back(request, std::move(response));
}

signalling::HttpAnswer Control::State::route(const HttpRequest& request, Now now) {
  const std::string_view path = request.path();
  const bool is_get = request.method == "GET" || request.method == "HEAD";
  if (path == "/meridian/v1/token") {
    return request.method == "POST" ? token(request, now) : method_not_allowed("POST");
  }
  if (api::is_admin_path(path)) {
    return administer(request, now);
  }
  if (rooms::is_twirp_path(path)) {
    return room_service.handle(request, now);
  }
  if (const auto stream_path = signalling::parse_stream_path(path)) {
    return stream(*stream_path, request, now);
  }
  const bool is_known = path == "/" || path == "/healthz" || path == "/readyz" ||
                        path == "/settings/regions" || path == "/meridian/v1/meeting" ||
                        signalling::is_validate_path(path) || signalling::is_upgrade_path(path) ||
                        debugged_room(path).has_value();
  if (!is_known) {
    return json_error(404, "not_found", "no such path");
  }
  if (!is_get) {
    return method_not_allowed("GET");
  }
  if (path == "/") {
    return HttpResponse::text(200, "OK");
  }
  if (path == "/healthz") {
    return health();
  }
  if (path == "/readyz") {
    return readiness();
  }
  if (path == "/settings/regions") {
    return regions_of_caller(request, now);
  }
  if (path == "/meridian/v1/meeting") {
    return meeting_of_caller(request, now);
  }
  if (const auto room = debugged_room(path)) {
    return explain_room(*room, request, now);
  }
  if (signalling::is_validate_path(path)) {
    return validate(request, now);
  }
  HttpResponse response = HttpResponse::text(426, "this path is for WebSocket connections");
  response.with("Upgrade", "websocket");
  return response;
}

/// The process works. The digest is that of the checkpoints and reports.
HttpResponse Control::State::health() const {
  return HttpResponse::json(200,
                            boost::json::serialize(boost::json::object{
                                {"status", "ok"}, {"config_digest", config.config.digest.hex()}}));
}

/// Whether new people should be sent here.
HttpResponse Control::State::readiness() const {
  if (is_shutting_down) {
    return HttpResponse::text(503, "shutting down");
  }
  if (evidence == EvidenceState::kWaiting) {
    return HttpResponse::text(503, "the audit log can't be written");
  }
  if (std::ranges::all_of(config.config.pools, &config::Pool::is_closed)) {
    return HttpResponse::text(503, "closed");
  }
  return HttpResponse::text(200, "OK");
}

/// The status and body that the upgrade would have got: browsers can't see those of an upgrade.
/// Nothing is granted, so nothing is recorded.
HttpResponse Control::State::validate(const HttpRequest& request, Now now) {
  report_pools();
  const auto intent = signalling::read_join(request, config.config.limits, directory, now.wall);
  if (!intent) {
    return intent.error().response;
  }
  if (const auto refusal = obstacle(*intent)) {
    return refusal->response;
  }
  const signalling::Arrival arrival{request.listener_region, intent->hint,
                                    find_meeting({intent->caller.account, intent->room})};
  const auto decision =
      residency::decide(signalling::residency_question(intent->caller, arrival, directory));
  if (const auto* denied = std::get_if<residency::Denied>(&decision)) {
    return signalling::residency_refusal(*denied, directory).response;
  }
  return HttpResponse::text(200, "success");
}

HttpResponse Control::State::regions_of_caller(const HttpRequest& request, Now now) {
  const auto caller = signalling::read_caller(request, config.config.limits, directory, now.wall);
  if (!caller) {
    return caller.error().response;
  }
  const directory::Account* account = directory.find_account(caller->account);
  if (account == nullptr) {
    return HttpResponse::text(401, "invalid API key");
  }
  const std::string room = caller->claims.video ? caller->claims.video->room : std::string();
  const residency::ClientQuestion question = signalling::residency_question(
      *caller, {request.listener_region, {}, find_meeting({caller->account, room})}, directory);
  const residency::RegionSet permitted =
      account->policy.effective(question.levels.value_or(residency::LevelNames{}));
  HttpResponse response = HttpResponse::json(
      200, signalling::describe_regions(permitted, request.listener_region, directory));
  response.with("Cache-Control", "max-age=5");
  return response;
}

HttpResponse Control::State::meeting_of_caller(const HttpRequest& request, Now now) {
  report_pools();
  const auto caller = signalling::read_caller(request, config.config.limits, directory, now.wall);
  if (!caller) {
    return with_json(caller.error());
  }
  if (const auto authorized = api::authorize_join(*caller, config.config.limits); !authorized) {
    return json_error(authorized.error().status, "unauthorized", authorized.error().text);
  }
  std::optional<RegionId> hint;
  if (auto region = request.query("region"); region && !region->empty()) {
    hint = RegionId(std::move(*region));
  }
  const meeting::Meeting* meeting = find_meeting({caller->account, caller->claims.video->room});
  const residency::ClientQuestion question =
      signalling::residency_question(*caller, {request.listener_region, hint, meeting}, directory);
  const auto decision = residency::decide(question);
  if (const auto* denied = std::get_if<residency::Denied>(&decision)) {
    return signalling::residency_refusal(*denied, directory).response;
  }
  RegionId serving = std::get<residency::ClientAllowed>(decision).region;
  // Somebody who is in the meeting learns where they are rather than where they would be.
  if (meeting != nullptr) {
    if (const auto* present = meeting->find(meeting::Identity(caller->claims.identity))) {
      serving = present->region;
    }
  }
  HttpResponse response = HttpResponse::json(
      200, signalling::describe_places(question.policy->effective(*question.levels), serving,
                                       directory));
  response.with("Cache-Control", "no-store");
  return response;
}

/// Why people in a room see what they see, for whoever administers it. A room that isn't here and
/// one of another account look the same.
HttpResponse Control::State::explain_room(const std::string& room, const HttpRequest& request,
                                          Now now) {
  const auto caller = signalling::read_caller(request, config.config.limits, directory, now.wall);
  if (!caller) {
    return with_json(caller.error());
  }
  if (const auto allowed = api::authorize_room_admin(*caller, room); !allowed) {
    return json_error(allowed.error().status, "unauthorized", allowed.error().text);
  }
  const meeting::Meeting* meeting = find_meeting({caller->account, room});
  if (meeting == nullptr) {
    return json_error(404, "not_found", "no such room");
  }
  HttpResponse response = HttpResponse::text(200, meeting::explain(meeting->room()));
  response.with("Cache-Control", "no-store");
  return response;
}

HttpResponse Control::State::token(const HttpRequest& request, Now now) {
  if (config.config.web.token_endpoint != config::TokenEndpoint::kDevelopment) {
    return json_error(404, "not_found", "this node makes no tokens");
  }
  api::TokenSourceRequest wanted{
      .body = request.body, .account = {}, .region = {}, .arrived_at = request.listener_region};
  if (auto account = request.query("account"); account && !account->empty()) {
    wanted.account = AccountId(std::move(*account));
  }
  if (auto region = request.query("region"); region && !region->empty()) {
    wanted.region = RegionId(std::move(*region));
  }
  const auto answer =
      api::answer_token_source(directory, config.config.limits, wanted, config.random, now.wall);
  if (!answer) {
    return json_error(answer.error().status, "bad_request", answer.error().text);
  }
  HttpResponse response = HttpResponse::json(200, *answer);
  response.with("Cache-Control", "no-store");
  return response;
}

}  // namespace meridian::node
