// The routing policy: read, change, explain.
#include <algorithm>

#include <boost/json.hpp>

#include "api/admin_call.hpp"
#include "api/routing_json.hpp"
#include "base/address.hpp"
#include "residency/decide.hpp"

namespace meridian::api {
namespace {

namespace json = boost::json;

std::string etag_of(PolicyEpoch epoch) {
  return "\"" + std::to_string(epoch.value()) + "\"";
}

/// The epoch of an If-Match header: one strong tag, with or without its quotation marks.
std::optional<PolicyEpoch> epoch_of(std::string_view tag) {
  if (tag.size() >= 2 && tag.starts_with('"') && tag.ends_with('"')) {
    tag = tag.substr(1, tag.size() - 2);
  }
  const auto number = parse_number<std::uint64_t>(tag);
  return number ? std::optional(PolicyEpoch(*number)) : std::nullopt;
}

// `mode` and `grace` into the request; false when one is malformed.
bool read_mode(std::string_view target, ChangeRequest& request) {
  const std::string mode = query_parameter(target, "mode").value_or("immediate");
  if (mode != "immediate" && mode != "graceful") {
    return false;
  }
  request.mode = mode == "graceful" ? ChangeMode::kGraceful : ChangeMode::kImmediate;
  if (const auto grace = query_parameter(target, "grace")) {
    const std::string_view text = *grace;
    const auto seconds =
        parse_number<std::uint16_t>(text.ends_with('s') ? text.substr(0, text.size() - 1) : text);
    if (!seconds) {
      return false;
    }
    request.grace = std::min<Duration>(std::chrono::seconds(*seconds), kMaxGrace);
  }
  return true;
}

// `name.of.account` below the domain of a region's host: its first label is the region's.
std::string default_host(const AccountId& account, std::string_view region_host) {
  const std::size_t dot = region_host.find('.');
  return account.value() + "." +
         std::string(dot == std::string_view::npos ? region_host : region_host.substr(dot + 1));
}

bool is_host_name(std::string_view name) {
  constexpr std::size_t kMaxHostName = 253;  // RFC 1035 section 2.3.4, as text
  return !name.empty() && name.size() <= kMaxHostName && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
}

}  // namespace

AdminResponse AdminApi::get_routing(const Call& call) const {
  AdminResponse response = AdminResponse::json(200, routing_document(*call.account));
  response.headers.emplace_back("ETag", etag_of(call.account->policy.epoch()));
  return response;
}

void AdminApi::put_routing(Call& call) {
  auto& answer = call.result.answer;
  if (call.request.if_match.empty()) {
    answer = AdminResponse::error(428, "precondition_required",
                                  "send If-Match with the ETag of the policy that you changed");
    return;
  }
  const auto expected = epoch_of(call.request.if_match);
  ChangeRouting change;
  const std::string dry_run = call.query("dry_run").value_or("0");
  if (!expected || !read_mode(call.request.target, change.request) ||
      (dry_run != "0" && dry_run != "1")) {
    answer = bad_request("If-Match, mode, grace or dry_run is malformed");
    return;
  }
  auto update = parse_routing_change(call.request.body, call.account->policy.terms());
  if (!update) {
    answer =
        AdminResponse::error(update.error().status, update.error().error, update.error().message);
    return;
  }
  directory::Author author = call.author(std::move(update->reason));
  const auto checked = directory_.check_change(update->terms, *expected, author.authority);
  if (!checked) {
    answer = refusal(checked.error());
    return;
  }
  change.request.terms = std::move(update->terms);
  change.request.expected = *expected;
  change.request.author = std::move(author);
  change.is_dry_run = dry_run == "1";
  answer = AdminTask(std::move(change));
}

AdminResponse AdminApi::history(const Call& call) const {
  const auto limit = page_limit(call.request.target);
  const auto before = parse_number<std::uint64_t>(call.query("before").value_or("0"));
  if (!limit || !before) {
    return bad_request("limit must be 1 to 1000, before an epoch");
  }
  const auto versions = directory_.history(call.account_id(), *limit, PolicyEpoch(*before));
  if (!versions) {
    return refusal(versions.error());
  }
  json::array list;
  for (const directory::PolicyVersion& version : *versions) {
    list.push_back(routing_document(version));
  }
  return AdminResponse::json(200, json::object{{"versions", std::move(list)}});
}

void AdminApi::find_change(Call& call) {
  if (const auto epoch = parse_number<std::uint64_t>(call.match.item)) {
    call.result.answer = AdminTask(FindChange{call.account_id(), PolicyEpoch(*epoch)});
  } else {
    call.result.answer = bad_request("the epoch must be a number");
  }
}

AdminResponse AdminApi::effective(const Call& call) const {
  const residency::AccountPolicy& policy = call.account->policy;
  const residency::LevelNames levels{call.query("group").value_or(""),
                                     call.query("user").value_or(""),
                                     call.query("room").value_or("")};
  residency::ClientQuestion question{
      .policy = &policy,
      .levels = levels,
      .arrived_at = RegionId(call.query("arrived_at").value_or(policy.default_region().value())),
      .hint = {},
      .regions = directory_.regions(),
      .pools = directory_.pools(),
  };
  if (const auto region = call.query("region"); region && !region->empty()) {
    question.hint = RegionId(*region);
  }
  if (directory_.find_region(question.arrived_at) == nullptr ||
      (question.hint && directory_.find_region(*question.hint) == nullptr)) {
    return refusal({directory::PolicyError::kUnknownRegion, "there is no such region"});
  }
  const auto decision = residency::decide(question);
  const auto* allowed = std::get_if<residency::ClientAllowed>(&decision);
  const auto* denied = std::get_if<residency::Denied>(&decision);
  json::array steps;
  for (const residency::Step& step : policy.explain(levels)) {
    steps.push_back(
        json::object{{"level", json_view(step.level)}, {"regions", region_array(step.regions)}});
  }
  return AdminResponse::json(
      200,
      json::object{
          {"effective", region_array(policy.effective(levels))},
          {"decision", allowed != nullptr ? "allowed" : "denied"},
          {"region", allowed != nullptr ? json::value(json_view(allowed->region.value()))
                                        : json::value(nullptr)},
          {"reason", denied != nullptr ? json::value(json_view(residency::name_of(denied->reason)))
                                       : json::value(nullptr)},
          {"steps", std::move(steps)}});
}

AdminResponse AdminApi::dns(const Call& call) const {
  constexpr int kSeconds = 60;  // a region that is opted out of is left within a minute
  const residency::AccountPolicy& policy = call.account->policy;
  const auto order =
      residency::nearest_first(directory_.regions(), policy.effective(), policy.default_region());
  std::string name = call.query("name").value_or(call.account->signalling_host);
  json::array records;
  for (const RegionId& id : order) {
    const auto url = parse_url(directory_.find_region(id)->url);
    if (!url) {
      continue;
    }
    const auto address = IpAddress::parse(url->host);
    if (name.empty()) {
      name = default_host(call.account_id(), address ? "example" : url->host);
    }
    const std::string_view type =
        address ? (address->is_v4() ? "A" : "AAAA") : (order.size() == 1 ? "CNAME" : "ALIAS");
    records.push_back(json::object{{"name", json_view(name)},
                                   {"type", json_view(type)},
                                   {"ttl", kSeconds},
                                   {"value", json_view(url->host)},
                                   {"region", json_view(id.value())}});
  }
  if (!is_host_name(name)) {
    return bad_request("name must be a host name in lower case");
  }
  return AdminResponse::json(
      200, json::object{{"name", json_view(name)}, {"records", std::move(records)}});
}

}  // namespace meridian::api
