#include "api/admin_api.hpp"

#include <utility>

#include <boost/json.hpp>

#include "api/admin_call.hpp"
#include "api/routing_json.hpp"
#include "base/check.hpp"

namespace meridian::api {
namespace {

namespace json = boost::json;

AdminResponse unauthorized(std::string_view message) {
  AdminResponse response = AdminResponse::error(401, "unauthorized", message);
  response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

AdminResponse not_found() {
  return AdminResponse::error(404, "not_found", "there is no such thing");
}

std::string_view path_of(std::string_view target) {
  return target.substr(0, target.find_first_of("?#"));
}

}  // namespace

AdminResponse AdminResponse::json(unsigned status, const json::value& body) {
  return {.status = status, .content_type = "application/json", .body = json::serialize(body)};
}

AdminResponse AdminResponse::error(unsigned status, std::string_view code,
                                   std::string_view message) {
  return json(status, json::object{{"error", json_view(code)}, {"message", json_view(message)}});
}

AdminApi::AdminApi(Config config)
    : directory_(config.directory),
      random_(config.random),
      admin_(std::move(config.admin)),
      limits_(config.limits) {
  if (admin_.oidc) {
    oidc_.emplace(*admin_.oidc);
  }
}

AdminResult AdminApi::handle(const AdminRequest& request, Now now) {
  AdminResult result;
  const auto match = match_route(request.method, path_of(request.target));
  if (!match) {
    AdminResponse response = not_found();
    if (!match.error().allowed.empty()) {
      response = AdminResponse::error(405, "method_not_allowed", "use " + match.error().allowed);
      response.headers.emplace_back("Allow", match.error().allowed);
    }
    result.answer = std::move(response);
    return result;
  }
  result.call.route = match->route;
  result.call.account = AccountId(match->account);
  auto principal = authorize(*match->route, request, now);
  if (!principal) {
    result.answer = std::move(principal.error());
    return result;
  }
  result.call.principal = *principal;
  const directory::Account* account = nullptr;
  if (!match->account.empty()) {
    // What isn't the caller's own looks like what doesn't exist, before the role is looked at.
    account = (*principal)->sees(result.call.account) ? directory_.find_account(result.call.account)
                                                      : nullptr;
    if (account == nullptr) {
      result.answer = not_found();
      return result;
    }
  }
  if (*principal && !match->route->access.allows((*principal)->role)) {
    result.answer = AdminResponse::error(
        403, "forbidden", "not with the role " + std::string(config::name_of((*principal)->role)));
    return result;
  }
  Call call{.request = request,
            .match = *match,
            .principal = *principal,
            .account = account,
            .now = now,
            .result = result};
  dispatch(call);
  return result;
}

base::Expected<std::optional<Principal>, AdminResponse> AdminApi::authorize(
    const Route& route, const AdminRequest& request, Now now) {
  if (route.access.is_public()) {
    return std::nullopt;
  }
  auto principal = authenticate(request.authorization, now);
  if (principal) {
    return std::move(*principal);
  }
  if (route.access.takes_participants()) {
    return std::nullopt;  // the operation looks for a participant's token itself
  }
  return std::unexpected(unauthorized(principal.error().text));
}

base::Expected<Principal, AuthError> AdminApi::authenticate(std::string_view authorization,
                                                            Now now) {
  const auto token = bearer_token(authorization);
  if (!token) {
    return std::unexpected(token.error());
  }
  if (const config::StaticToken* found = find_static_token(admin_.static_tokens, *token)) {
    Principal principal{.name = found->name,
                        .role = found->role,
                        .account = {},
                        .signed_in_by = SignedInBy::kStaticToken,
                        .expires = {}};
    if (found->role != Role::kOperator) {
      principal.account = found->account;
    }
    return principal;
  }
  if (!oidc_) {
    return std::unexpected(AuthError{401, "unknown token"});
  }
  return oidc_->authenticate(*token, now);
}

void AdminApi::dispatch(Call& call) {
  auto& answer = call.result.answer;
  switch (call.match.route->operation) {
    case Operation::kGetSignIn:
      answer = sign_in();
      return;
    case Operation::kGetMe:
      answer = me(call);
      return;
    case Operation::kGetRegions:
      answer = regions(call);
      return;
    case Operation::kListAccounts:
      answer = list_accounts(call);
      return;
    case Operation::kCreateAccount:
      answer = create_account(call);
      return;
    case Operation::kGetAccount:
      answer = get_account(call);
      return;
    case Operation::kListKeys:
      answer = list_keys(call);
      return;
    case Operation::kCreateKey:
      answer = create_key(call);
      return;
    case Operation::kRotateKey:
      answer = rotate_key(call);
      return;
    case Operation::kRevokeKey:
      answer = revoke_key(call);
      return;
    case Operation::kGetRouting:
      answer = get_routing(call);
      return;
    case Operation::kPutRouting:
      put_routing(call);
      return;
    case Operation::kGetRoutingHistory:
      answer = history(call);
      return;
    case Operation::kGetRoutingChange:
      find_change(call);
      return;
    case Operation::kGetEffectiveRouting:
      answer = effective(call);
      return;
    case Operation::kGetDns:
      answer = dns(call);
      return;
    case Operation::kListMeetings:
      answer = AdminTask(ListMeetings{call.account_id()});
      return;
    case Operation::kGetMeetingTransit:
      answer = AdminTask(FindMeetingTransit{call.account_id(), call.match.item});
      return;
    default:
      evidence(call);
  }
}

void AdminApi::evidence(Call& call) {
  auto& answer = call.result.answer;
  const auto limit = page_limit(call.request.target);
  const auto after = parse_number<std::uint64_t>(call.query("after").value_or("0"));
  if (!limit || !after) {
    answer = bad_request("limit must be 1 to 1000, after a number");
    return;
  }
  const auto ask = [&](EvidenceQuery query) { answer = AdminTask(std::move(query)); };
  switch (call.match.route->operation) {
    case Operation::kListTransitReports:
      return ask(ListReports{call.account_id(), *limit});
    case Operation::kGetTransitReport:
      return ask(ReadReport{call.account_id(), call.match.item,
                            call.request.accept.starts_with("text/plain")});
    case Operation::kGetAudit:
      return ask(ReadAudit{call.account_id(), *after, *limit});
    case Operation::kExportAudit:
      return ask(ExportAudit{call.account_id()});
    case Operation::kGetAuditVerification:
      return ask(VerifyAudit{call.account_id()});
    case Operation::kFindPeople: {
      FindPeople find{call.account_id(), call.query("identity").value_or(""),
                      call.query("pseudonym").value_or(""), *limit};
      if (find.identity.empty() == find.pseudonym.empty()) {
        answer = bad_request("give an identity, or a pseudonym");
        return;
      }
      return ask(std::move(find));
    }
    case Operation::kErasePerson:
      return ask(ErasePerson{call.account_id(), call.match.item});
    case Operation::kGetAuditKeys:
      return ask(ListAuditKeys{});
    case Operation::kGetCheckpoints:
      return ask(ListCheckpoints{*limit});
    default:
      MERIDIAN_CHECK(false);
  }
}

AdminResponse AdminApi::sign_in() const {
  json::value oidc = nullptr;
  if (oidc_ && oidc_->endpoints()) {
    oidc = json::object{{"issuer", json_view(oidc_->settings().issuer)},
                        {"client_id", json_view(oidc_->settings().client_id)},
                        {"authorization_endpoint", json_view(oidc_->endpoints()->authorization)},
                        {"token_endpoint", json_view(oidc_->endpoints()->token)},
                        {"scope", json_view(oidc_->settings().scope)}};
  }
  return AdminResponse::json(200, json::object{{"oidc", std::move(oidc)},
                                               {"static_token", !admin_.static_tokens.empty()}});
}

AdminResponse AdminApi::me(const Call& call) const {
  const Principal& principal = *call.principal;
  json::object body{
      {"name", json_view(principal.name)},
      {"role", json_view(config::name_of(principal.role))},
      {"account", principal.account ? json::value(json_view(principal.account->value()))
                                    : json::value(nullptr)},
      {"signed_in_by", json_view(name_of(principal.signed_in_by))}};
  if (principal.expires) {
    body["expires"] = json_view(timestamp(*principal.expires));
  }
  return AdminResponse::json(200, std::move(body));
}

}  // namespace meridian::api
