#include "api/admin_routes.hpp"

#include "api/url.hpp"
#include "base/check.hpp"

namespace meridian::api {
namespace {

using enum Role;
constexpr Access kEverybody{kOwner, kAdmin, kAuditor, kOperator};

constexpr Route kRoutes[] = {
    {Operation::kGetSignIn, "getSignIn", "GET", "/v1/sign-in", Access::anybody()},
    {Operation::kGetMe, "getMe", "GET", "/v1/me", kEverybody},
    {Operation::kGetRegions, "getRegions", "GET", "/v1/regions", kEverybody.and_participants()},
    {Operation::kListAccounts, "listAccounts", "GET", "/v1/accounts", kEverybody},
    {Operation::kCreateAccount, "createAccount", "POST", "/v1/accounts", {kOperator}},
    {Operation::kGetAccount, "getAccount", "GET", "/v1/accounts/{account}", kEverybody},
    {Operation::kListKeys, "listKeys", "GET", "/v1/accounts/{account}/keys", kEverybody},
    {Operation::kCreateKey, "createKey", "POST", "/v1/accounts/{account}/keys", {kOwner}},
    {Operation::kRotateKey,
     "rotateKey",
     "POST",
     "/v1/accounts/{account}/keys/{key}/rotate",
     {kOwner}},
    {Operation::kRevokeKey,
     "revokeKey",
     "DELETE",
     "/v1/accounts/{account}/keys/{key}",
     {kOwner, kOperator}},
    {Operation::kGetRouting, "getRouting", "GET", "/v1/accounts/{account}/routing", kEverybody},
    {Operation::kPutRouting,
     "putRouting",
     "PUT",
     "/v1/accounts/{account}/routing",
     {kOwner, kAdmin, kOperator}},
    {Operation::kGetRoutingHistory, "getRoutingHistory", "GET",
     "/v1/accounts/{account}/routing/history", kEverybody},
    {Operation::kGetRoutingChange, "getRoutingChange", "GET",
     "/v1/accounts/{account}/routing/changes/{epoch}", kEverybody},
    {Operation::kGetEffectiveRouting, "getEffectiveRouting", "GET",
     "/v1/accounts/{account}/routing/effective", kEverybody},
    {Operation::kGetDns, "getDns", "GET", "/v1/accounts/{account}/dns", kEverybody},
    {Operation::kListMeetings, "listMeetings", "GET", "/v1/accounts/{account}/meetings",
     kEverybody},
    {Operation::kGetMeetingTransit, "getMeetingTransit", "GET",
     "/v1/accounts/{account}/meetings/{sid}/transit", kEverybody},
    {Operation::kListTransitReports, "listTransitReports", "GET",
     "/v1/accounts/{account}/transit-reports", kEverybody},
    {Operation::kGetTransitReport, "getTransitReport", "GET",
     "/v1/accounts/{account}/transit-reports/{sid}", kEverybody},
    {Operation::kGetAudit, "getAudit", "GET", "/v1/accounts/{account}/audit", kEverybody},
    {Operation::kExportAudit, "exportAudit", "GET", "/v1/accounts/{account}/audit/export",
     kEverybody},
    {Operation::kGetAuditVerification, "getAuditVerification", "GET",
     "/v1/accounts/{account}/audit/verification", kEverybody},
    {Operation::kFindPeople, "findPeople", "GET", "/v1/accounts/{account}/people", {kOwner}},
    {Operation::kErasePerson,
     "erasePerson",
     "DELETE",
     "/v1/accounts/{account}/people/{pseudonym}",
     {kOwner}},
    {Operation::kGetAuditKeys, "getAuditKeys", "GET", "/v1/audit/keys", Access::anybody()},
    {Operation::kGetCheckpoints, "getCheckpoints", "GET", "/v1/audit/checkpoints", kEverybody},
};

// Takes what is before the next slash off `path`, and the slash.
std::string_view next_segment(std::string_view& path) {
  const std::size_t end = path.find('/');
  const std::string_view segment = path.substr(0, end);
  path = end == std::string_view::npos ? std::string_view() : path.substr(end + 1);
  return segment;
}

// Nothing when the path isn't one of the pattern; an escape that is malformed matches nothing.
std::optional<RouteMatch> match(const Route& route, std::string_view path) {
  std::string_view pattern = route.pattern;
  RouteMatch result{.route = &route, .account = {}, .item = {}};
  while (!pattern.empty() && !path.empty()) {
    const std::string_view expected = next_segment(pattern);
    const std::string_view actual = next_segment(path);
    if (!expected.starts_with('{')) {
      if (expected != actual) {
        return std::nullopt;
      }
      continue;
    }
    auto value = percent_decode(actual);
    if (!value || value->empty()) {
      return std::nullopt;
    }
    (expected == "{account}" ? result.account : result.item) = std::move(*value);
  }
  return pattern.empty() && path.empty() ? std::optional(std::move(result)) : std::nullopt;
}

}  // namespace

std::span<const Route> admin_routes() {
  return kRoutes;
}

const Route& route_of(Operation operation) {
  const auto index = static_cast<std::size_t>(operation);
  MERIDIAN_CHECK(index < std::size(kRoutes) && kRoutes[index].operation == operation);
  return kRoutes[index];
}

bool is_admin_path(std::string_view path) {
  return path == "/v1" || path.starts_with("/v1/");
}

base::Expected<RouteMatch, NoRoute> match_route(std::string_view method, std::string_view path) {
  NoRoute none;
  for (const Route& route : kRoutes) {
    auto found = path.ends_with('/') ? std::nullopt : match(route, path);
    if (!found) {
      continue;
    }
    if (route.method == method || (route.method == "GET" && method == "HEAD")) {
      return std::move(*found);
    }
    none.allowed += (none.allowed.empty() ? "" : ", ") + std::string(route.method);
  }
  return std::unexpected(std::move(none));
}

}  // namespace meridian::api
