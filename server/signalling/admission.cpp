#include "signalling/admission.hpp"

#include <algorithm>
#include <utility>

#include <boost/json.hpp>

#include "signalling/grant.hpp"
#include "signalling/join_request.hpp"
#include "signalling/query_join.hpp"

namespace meridian::signalling {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxPublishSuffix = 32;

json::object region_object(const RegionId& id, const directory::Directory& directory) {
  json::object object;
  object["region"] = id.value();
  const residency::Region* region = directory.find_region(id);
  object["name"] = region == nullptr || region->name.empty() ? id.value() : region->name;
  object["url"] = region == nullptr ? std::string() : region->url;
  return object;
}

std::string message_of(residency::DenialReason reason) {
  switch (reason) {
    case residency::DenialReason::kUnknownAccount:
      return "the account has no routing policy";
    case residency::DenialReason::kInvalidOverride:
      return "this token names another group or user of the account than the meeting runs under";
    case residency::DenialReason::kRegionNotAllowed:
      return "the host's account doesn't permit its meetings' media in this region";
    case residency::DenialReason::kRegionUnavailable:
      return "no permitted region has capacity right now, and media is never moved elsewhere";
    case residency::DenialReason::kAuditUnavailable:
      return "the audit log can't take the record that a join needs";
    case residency::DenialReason::kStaleEpoch:
      return "the host's account has changed its routing since this token was made";
    case residency::DenialReason::kGuestPolicyConflict:
      return "your own account doesn't permit the regions that this meeting uses";
  }
  return "not permitted";
}

Refusal refuse_auth(const api::AuthError& error) {
  return refuse(error.status, error.status == 401 ? "unauthorized" : "bad_request", error.text);
}

/// Reads what the client says about itself; the error is the sentence to answer with.
std::optional<std::string> read_request(const HttpRequest& request, JoinIntent& intent) {
  const auto parameter = request.query("join_request");
  const std::string_view path = request.path();
  if (!parameter && (path == "/rtc" || path == "/rtc/validate")) {
    auto read = read_query_join(request);
    if (!read) {
      return std::move(read.error());
    }
    intent.mode = meeting::ConnectionMode::kDual;
    intent.request = std::move(*read);
  } else if (parameter || !is_validate_path(path)) {
    auto decoded = decode_join_request(parameter.value_or(""));
    if (!decoded) {
      return std::string(describe(decoded.error()));
    }
    intent.request = std::move(*decoded);
  }
  return std::nullopt;
}

/// The second connection that old clients published a screen over: somebody of their own, who only
/// sends.
void publish_only(std::string_view suffix, meeting::Grant& grant) {
  const bool is_word = std::ranges::all_of(suffix, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
  if (suffix.empty() || suffix.size() > kMaxPublishSuffix || !is_word) {
    return;
  }
  grant.identity = meeting::Identity(grant.identity.value() + "#" + std::string(suffix));
  grant.permission.set_can_subscribe(false);
}

/// `read_intent(request, intent)` reads what the client says about itself.
template <class ReadIntent>
base::Expected<JoinIntent, Refusal> read_join(const HttpRequest& request,
                                              const config::Limits& limits,
                                              const directory::Directory& directory, UnixTime now,
                                              const ReadIntent& read_intent) {
  auto caller = read_caller(request, limits, directory, now);
  if (!caller) {
    return std::unexpected(std::move(caller.error()));
  }
  if (const auto authorized = api::authorize_join(*caller, limits); !authorized) {
    return std::unexpected(refuse_auth(authorized.error()));
  }
  JoinIntent intent;
  if (auto error = read_intent(request, intent)) {
    return std::unexpected(refuse(400, "bad_request", std::move(*error)));
  }
  complete_client_info(*intent.request.mutable_client_info(), request.header("User-Agent"));
  auto grant = make_grant(*caller, intent.request, limits);
  if (!grant) {
    return std::unexpected(refuse_auth(grant.error()));
  }
  intent.grant = std::move(*grant);
  if (intent.mode == meeting::ConnectionMode::kDual) {
    publish_only(request.query("publish").value_or(""), intent.grant);
  }
  intent.room = caller->claims.video->room;
  intent.caller = std::move(*caller);
  if (auto hint = request.query("region"); hint && !hint->empty()) {
    intent.hint = RegionId(std::move(*hint));
  }
  return intent;
}

}  // namespace

bool is_upgrade_path(std::string_view path) {
  return path == "/rtc/v1" || path == "/rtc";
}

bool is_validate_path(std::string_view path) {
  return path == "/rtc/v1/validate" || path == "/rtc/validate";
}

Refusal refuse(unsigned status, std::string reason, std::string text) {
  return {HttpResponse::text(status, std::move(text)), std::move(reason)};
}

base::Expected<std::string, Refusal> read_token(const HttpRequest& request) {
  std::string token = request.query("access_token").value_or("");
  if (token.empty()) {
    if (const std::string_view header = request.header("Authorization"); !header.empty()) {
      const auto bearer = api::bearer_token(header);
      if (!bearer) {
        return std::unexpected(refuse_auth(bearer.error()));
      }
      token = *bearer;
    }
  }
  return token;
}

base::Expected<api::Caller, Refusal> read_caller(const HttpRequest& request,
                                                 const config::Limits& limits,
                                                 const directory::Directory& directory,
                                                 UnixTime now) {
  const auto token = read_token(request);
  if (!token) {
    return std::unexpected(token.error());
  }
  auto caller = api::authenticate(directory, limits, *token, now);
  if (!caller) {
    return std::unexpected(refuse_auth(caller.error()));
  }
  return std::move(*caller);
}

base::Expected<JoinIntent, Refusal> read_join(const HttpRequest& request,
                                              const config::Limits& limits,
                                              const directory::Directory& directory, UnixTime now) {
  return read_join(request, limits, directory, now, read_request);
}

base::Expected<JoinIntent, Refusal> read_bare_join(const HttpRequest& request,
                                                   const config::Limits& limits,
                                                   const directory::Directory& directory,
                                                   UnixTime now) {
  const auto says_nothing = [](const HttpRequest&, JoinIntent&) {
    return std::optional<std::string>();
  };
  return read_join(request, limits, directory, now, says_nothing);
}

AccountId home_account(const api::Caller& caller) {
  const auto& routing = caller.claims.routing;
  return routing && routing->home_account != caller.account.value()
             ? AccountId(routing->home_account)
             : AccountId();
}

residency::ClientQuestion residency_question(const api::Caller& caller, const Arrival& arrival,
                                             const directory::Directory& directory) {
  const directory::Account* account = directory.find_account(caller.account);
  const api::RoutingClaim routing = caller.claims.routing.value_or(api::RoutingClaim{});
  residency::LevelNames claimed{.group = routing.group, .user = routing.user, .room = {}};
  if (caller.claims.video) {
    claimed.room = caller.claims.video->room;
  }
  residency::ClientQuestion question{
      .policy = account == nullptr ? nullptr : &account->policy,
      .levels = arrival.meeting == nullptr
                    ? claimed
                    : residency::merge(arrival.meeting->room().levels, claimed),
      .arrived_at = arrival.at,
      .hint = arrival.hint,
      .regions = directory.regions(),
      .pools = directory.pools(),
  };
  if (routing.epoch) {
    question.seen = PolicyEpoch(*routing.epoch);
  }
  if (const AccountId home = home_account(caller); !home.empty()) {
    const directory::Account* own = directory.find_account(home);
    question.guest = residency::Guest{
        .home = own == nullptr ? nullptr : &own->policy,
        .in_use =
            arrival.meeting == nullptr ? residency::RegionSet{} : arrival.meeting->regions_in_use(),
    };
  }
  return question;
}

Refusal residency_refusal(const residency::Denied& denied, const directory::Directory& directory) {
  const unsigned status = residency::http_status(denied.reason);
  const std::string reason(residency::name_of(denied.reason));
  json::object body;
  // Clients know these two: here never, and here not now.
  body["error"] = denied.reason == residency::DenialReason::kStaleEpoch ? "stale_epoch"
                  : status == 403                                       ? "region_not_allowed"
                                                                        : "region_unavailable";
  body["message"] = message_of(denied.reason);
  body["reason"] = reason;
  json::array permitted;
  for (const RegionId& region : denied.permitted) {
    permitted.push_back(region_object(region, directory));
  }
  body["permitted"] = std::move(permitted);
  return {HttpResponse::json(status, json::serialize(body)), reason};
}

std::string describe_places(const residency::RegionSet& permitted, const RegionId& serving,
                            const directory::Directory& directory) {
  json::object body;
  json::array places;
  for (const RegionId& region : residency::nearest_first(directory.regions(), permitted, serving)) {
    places.push_back(region_object(region, directory));
  }
  body["permitted"] = std::move(places);
  body["serving"] = region_object(serving, directory);
  return json::serialize(body);
}

std::string describe_regions(const residency::RegionSet& permitted, const RegionId& from,
                             const directory::Directory& directory) {
  const residency::Region* here = directory.find_region(from);
  json::array list;
  for (const RegionId& id : residency::nearest_first(directory.regions(), permitted, from)) {
    const residency::Region* region = directory.find_region(id);
    if (region == nullptr) {
      continue;
    }
    json::object entry;
    entry["region"] = id.value();
    entry["url"] = region->url;
    const double km =
        here == nullptr ? 0 : residency::distance_km(here->coordinates, region->coordinates);
    entry["distance"] = std::to_string(static_cast<std::int64_t>(km * 1000));
    list.push_back(std::move(entry));
  }
  return json::serialize(json::object{{"regions", std::move(list)}});
}

}  // namespace meridian::signalling
