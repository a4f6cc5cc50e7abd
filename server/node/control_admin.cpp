// The administration API on a running node: api::AdminApi decides, this does.
#include <array>

#include <boost/json.hpp>

#include "api/admin_call.hpp"
#include "api/outcome_json.hpp"
#include "api/routing_json.hpp"
#include "node/control_state.hpp"

namespace meridian::node {
namespace {

namespace json = boost::json;
using api::AdminResponse;
using signalling::HttpAnswer;
using signalling::HttpResponse;

/// Calls that may wait for the files of the node at the same time.
constexpr std::size_t kMaxWaitingEvidence = 64;

json::string_view view(std::string_view text) {
  return {text.data(), text.size()};
}

HttpResponse to_http(AdminResponse response) {
  HttpResponse http{response.status, {}, std::move(response.body)};
  if (!response.content_type.empty()) {
    http.with("Content-Type", std::move(response.content_type));
  }
  for (auto& [name, value] : response.headers) {
    http.with(std::move(name), std::move(value));
  }
  // Policies, keys and evidence are for who asked, and for now.
  http.with("Cache-Control", "no-store");
  return http;
}

AdminResponse refusal(const directory::PolicyRefusal& refusal) {
  return AdminResponse::error(directory::http_status(refusal.code),
                              directory::name_of(refusal.code), refusal.message);
}

AdminResponse with_etag(AdminResponse response, PolicyEpoch epoch) {
  response.headers.emplace_back("ETag", "\"" + std::to_string(epoch.value()) + "\"");
  return response;
}

AdminResponse not_found() {
  return AdminResponse::error(404, "not_found", "there is no such thing");
}

json::array participants_by_region(const meeting::Meeting& meeting) {
  std::map<RegionId, std::uint64_t> counts;
  for (const auto& participant : meeting.room().roster.all()) {
    ++counts[participant->region];
  }
  json::array list;
  for (const auto& [region, count] : counts) {
    list.push_back(json::object{{"region", view(region.value())}, {"count", count}});
  }
  return list;
}

}  // namespace

/// What workers told so far: it is a few seconds old.
json::array Control::State::transit_of(const meeting::Meeting& meeting, Now now) const {
  const auto report = ledger.running(meeting.room().account, meeting.room().sid.value(), now.wall);
  return report ? api::transit_rows(*report) : json::array();
}

HttpAnswer Control::State::administer(const signalling::HttpRequest& request, Now now) {
  report_pools();
  api::AdminResult result = admin.handle({.method = request.method,
                                          .target = request.target,
                                          .authorization = request.header("Authorization"),
                                          .if_match = request.header("If-Match"),
                                          .accept = request.header("Accept"),
                                          .body = request.body,
                                          .arrived_at = request.listener_region},
                                         now);
  if (result.has_new_policy) {
    distribute_policy();
    const directory::Account* account = directory.find_account(result.call.account);
    record(audit::Kind::kPolicyLoaded, account, account->policy.digest(), now);
  }
  if (auto* response = std::get_if<AdminResponse>(&result.answer)) {
    return conclude(result.call, std::move(*response), now);
  }
  auto& task = std::get<api::AdminTask>(result.answer);
  if (auto* query = std::get_if<api::EvidenceQuery>(&task)) {
    return ask_evidence(std::move(result.call), std::move(*query), now);
  }
  if (auto* change = std::get_if<api::ChangeRouting>(&task)) {
    return change_routing(result.call, std::move(*change), now);
  }
  return conclude(result.call, answer(task, now), now);
}

HttpResponse Control::State::conclude(const api::AdminCall& call, AdminResponse response, Now now) {
  record_call(call, response.status, now);
  return to_http(std::move(response));
}

void Control::State::record_call(const api::AdminCall& call, unsigned status, Now now) {
  if (!call.principal) {
    // Strangers could fill the disk, and what they were told changes nothing: they are counted.
    if (status >= 400) {
      count_refusal("admin_unauthorized");
    }
    return;
  }
  audit::Record record;
  record.time = now.wall;
  // In the chain of the account that it is about: its owner is to see what the operator does.
  record.account = directory.find_account(call.account) != nullptr
                       ? call.account
                       : call.principal->account.value_or(AccountId());
  record.kind = audit::Kind::kAdminAction;
  record.actor = config::name_of(call.principal->role);
  record.reason = call.route->name;
  record.status = status;
  // Reading changes nothing, and pages read every few seconds: the first of a minute is a line.
  // Whoever looks up a person is told each time.
  const bool is_counted =
      call.route->method == "GET" && call.route->operation != api::Operation::kFindPeople;
  (void)(is_counted ? audit.append_or_count(std::move(record)) : audit.append(std::move(record)));
}

HttpAnswer Control::State::change_routing(const api::AdminCall& call, api::ChangeRouting change,
                                          Now now) {
  if (change.is_dry_run) {
    const PolicyEpoch epoch = change.request.expected;
    const auto preview = preview_change(change.request);
    return conclude(
        call,
        preview ? with_etag(AdminResponse::json(200, api::preview_document(*preview)), epoch)
                : refusal(preview.error()),
        now);
  }
  const AccountId account = change.request.terms.account;
  const auto epoch = begin_change(std::move(change.request), now);
  if (!epoch) {
    return conclude(call, refusal(epoch.error()), now);
  }
  record_call(call, 200, now);
  return answer_when_dry(account, *epoch, [](const api::ChangeOutcome& outcome) {
    return to_http(
        with_etag(AdminResponse::json(200, api::outcome_document(outcome)), outcome.epoch));
  });
}

AdminResponse Control::State::answer(const api::AdminTask& task, Now now) {
  if (const auto* find = std::get_if<api::FindChange>(&task)) {
    const api::ChangeOutcome* outcome = changes.find(find->account, find->epoch);
    return outcome == nullptr ? not_found()
                              : AdminResponse::json(200, api::outcome_document(*outcome));
  }
  if (const auto* list = std::get_if<api::ListMeetings>(&task)) {
    json::array entries;
    for (const auto& [key, meeting] : meetings) {
      if (key.first == list->account) {
        entries.push_back(json::object{{"sid", view(meeting->room().sid.value())},
                                       {"room", view(meeting->room().name)},
                                       {"started", view(api::timestamp(meeting->room().created))},
                                       {"participants", participants_by_region(*meeting)},
                                       {"transit", transit_of(*meeting, now)}});
      }
    }
    return AdminResponse::json(200, json::object{{"meetings", std::move(entries)}});
  }
  const auto& find = std::get<api::FindMeetingTransit>(task);
  for (const auto& [key, meeting] : meetings) {
    if (key.first == find.account && meeting->room().sid.value() == find.sid) {
      return AdminResponse::json(
          200, json::object{{"sid", view(find.sid)}, {"transit", transit_of(*meeting, now)}});
    }
  }
  return not_found();
}

HttpAnswer Control::State::ask_evidence(api::AdminCall call, api::EvidenceQuery query, Now now) {
  if (waiting_evidence.size() >= kMaxWaitingEvidence) {
    return conclude(call, AdminResponse::error(503, "busy", "too many calls wait for files"), now);
  }
  const signalling::PendingResponse request = defer();
  if (const auto* erase = std::get_if<api::ErasePerson>(&query)) {
    waiting_erasures.emplace(request, *erase);
  }
  waiting_evidence.emplace(request, std::move(call));
  evidence_queries.emplace_back(request, std::move(query));
  return request;
}

void Control::handle_evidence(signalling::PendingResponse request, AdminResponse response,
                              Now now) {
  State& s = *state_;
  const auto waiting = s.waiting_evidence.find(request);
  if (waiting == s.waiting_evidence.end()) {
    return;
  }
  const api::AdminCall call = std::move(waiting->second);
  s.waiting_evidence.erase(waiting);
  if (auto erasure = s.waiting_erasures.extract(request)) {
    api::ErasePerson& erased = erasure.mapped();
    if (s.forget_author(erased) && response.status == 404) {
      response = {.status = 204, .content_type = {}, .body = {}};
    }
    if (response.status == 204) {
      note_erased(erased.account, std::move(erased.pseudonym), 0, now);
    }
  }
  s.respond(request, s.conclude(call, std::move(response), now));
}

/// Somebody who made versions of the policy stands in those, too.
bool Control::State::forget_author(const api::ErasePerson& erased) {
  constexpr std::string_view kAuthor = "epoch-";
  if (!erased.pseudonym.starts_with(kAuthor)) {
    return false;
  }
  const std::string_view number = std::string_view(erased.pseudonym).substr(kAuthor.size());
  const auto epoch = api::parse_number<std::uint64_t>(number);
  const auto forgotten = epoch ? directory.forget_author(erased.account, PolicyEpoch(*epoch))
                               : directory::PolicyResult<std::uint64_t>(0);
  if (!forgotten) {
    log(LogLevel::kError, "author_not_forgotten", {{"reason", forgotten.error().message}});
  }
  return forgotten.value_or(0) > 0;
}

std::vector<std::pair<signalling::PendingResponse, api::EvidenceQuery>>
Control::take_evidence_queries() {
  return std::exchange(state_->evidence_queries, {});
}

// -- Keys of the sign-in provider -----------------------------------------------------------------

std::optional<api::OidcFetch> Control::take_oidc_fetch(Now now) {
  api::OidcProvider* provider = state_->admin.oidc();
  return provider == nullptr ? std::nullopt : provider->take_fetch(now.monotonic);
}

void Control::handle_oidc_fetched(std::uint64_t id, std::optional<std::string_view> body, Now now) {
  const auto handled = state_->admin.oidc()->handle_fetched(id, body, now.monotonic);
  if (!handled) {
    state_->log(LogLevel::kWarning, "sign_in_provider_unusable",
                {{"reason", handled.error().message}});
  }
}

std::string_view Control::sign_in_url() const {
  const api::OidcProvider* provider = state_->admin.oidc();
  return provider != nullptr && provider->endpoints() ? provider->endpoints()->token
                                                      : std::string_view();
}

}  // namespace meridian::node
