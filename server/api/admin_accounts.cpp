// Regions, accounts and API keys.
#include <algorithm>

#include <boost/json.hpp>

#include "api/admin_call.hpp"
#include "api/authenticator.hpp"
#include "api/routing_json.hpp"

namespace meridian::api {
namespace {

namespace json = boost::json;
using residency::RegionSet;

json::object account_object(const directory::Account& account) {
  const auto& terms = account.policy.terms();
  return {{"id", json_view(account.id().value())},
          {"name", json_view(account.name)},
          {"default_region", json_view(terms.default_region.value())},
          {"managed_by", json_view(directory::name_of(account.managed_by))},
          {"epoch", account.policy.epoch().value()},
          {"preset",
           terms.preset.empty() ? json::value(nullptr) : json::value(json_view(terms.preset))},
          {"routing_control", json_view(residency::name_of(terms.routing_control))}};
}

json::object secret_object(const directory::ApiKey& key) {
  json::object object{{"key", json_view(key.key)}, {"secret", json_view(key.secret)}};
  if (!key.previous_secret.empty()) {
    object["previous_until"] = json_view(timestamp(key.previous_until));
  }
  return object;
}

AdminResponse with_secret(unsigned status, const directory::PolicyResult<directory::ApiKey>& key) {
  return key ? AdminResponse::json(status, secret_object(*key)) : refusal(key.error());
}

// -- Regions --------------------------------------------------------------------------------------

RegionSet all_of(std::span<const residency::Region> regions) {
  RegionSet all;
  for (const residency::Region& region : regions) {
    all.insert(region.id);
  }
  return all;
}

// What the account's plan and preset leave to choose from.
RegionSet eligible(const directory::Account& account, const directory::Directory& directory) {
  auto terms = account.policy.terms();
  terms.opted_in = all_of(directory.regions());
  terms.levels = {};
  const auto presets = directory.presets();
  const auto preset = std::ranges::find(presets, terms.preset,
                                        [](const auto& candidate) { return candidate.name; });
  if (preset != presets.end()) {
    terms = residency::tighten(std::move(terms), *preset, directory.regions());
  }
  terms = residency::fix(std::move(terms));
  terms.opted_in.insert(terms.default_region);
  return terms.opted_in;
}

std::optional<double> degrees(const std::optional<std::string>& text, double limit) {
  // strtod reads the C locale's form, which is the only one that this process uses.
  if (!text || text->empty()) {
    return std::nullopt;
  }
  char* end = nullptr;
  const double value = std::strtod(text->c_str(), &end);
  return *end == '\0' && value >= -limit && value <= limit ? std::optional(value) : std::nullopt;
}

// The regions of `wanted`, nearest to `from` first.
std::vector<const residency::Region*> by_distance(std::span<const residency::Region> regions,
                                                  const RegionSet& wanted,
                                                  residency::Coordinates from) {
  std::vector<const residency::Region*> sorted;
  for (const residency::Region& region : regions) {
    if (wanted.contains(region.id)) {
      sorted.push_back(&region);
    }
  }
  std::ranges::sort(sorted, {}, [&](const residency::Region* region) {
    return std::pair(residency::distance_km(from, region->coordinates), region->id);
  });
  return sorted;
}

json::object region_object(const residency::Region& region) {
  json::array jurisdictions;
  for (const std::string& tag : region.jurisdictions) {
    jurisdictions.emplace_back(json_view(tag));
  }
  return {{"id", json_view(region.id.value())},        {"name", json_view(region.name)},
          {"jurisdictions", std::move(jurisdictions)}, {"latitude", region.coordinates.latitude},
          {"longitude", region.coordinates.longitude}, {"url", json_view(region.url)}};
}

// The levels that a join with this token would be under.
residency::LevelNames level_names(const Claims& claims) {
  const RoutingClaim routing = claims.routing.value_or(RoutingClaim{});
  return {.group = routing.group,
          .user = routing.user,
          .room = claims.video ? claims.video->room : std::string()};
}

// -- Accounts -------------------------------------------------------------------------------------

// The first member that isn't known or has the wrong type, as a sentence.
std::optional<std::string> fault_of(const json::object& body) {
  static constexpr std::string_view kTexts[] = {
      "id", "name", "default_region", "preset", "reason", "routing_control", "signalling_host"};
  for (const auto& [key, value] : body) {
    const std::string_view name(key.data(), key.size());
    if (std::ranges::find(kTexts, name) != std::end(kTexts)) {
      if (!value.is_string() && !(name == "preset" && value.is_null())) {
        return std::string(name) + " must be a string";
      }
    } else if (name == "opted_in") {
      if (!value.is_array() || !std::ranges::all_of(value.get_array(), &json::value::is_string)) {
        return "opted_in must be a list of strings";
      }
    } else {
      return std::string(name) + " is unknown";
    }
  }
  if (text_member(body, "id").empty() || text_member(body, "default_region").empty()) {
    return "id and default_region are required";
  }
  return std::nullopt;
}

base::Expected<directory::NewAccount, std::string> read_account(const json::object& body) {
  if (auto fault = fault_of(body)) {
    return std::unexpected(std::move(*fault));
  }
  directory::NewAccount account;
  account.id = AccountId(std::string(text_member(body, "id")));
  account.name = text_member(body, "name");
  if (account.name.empty()) {
    account.name = account.id.value();
  }
  account.default_region = RegionId(std::string(text_member(body, "default_region")));
  account.preset = text_member(body, "preset");
  account.signalling_host = text_member(body, "signalling_host");
  if (const json::value* opted_in = body.if_contains("opted_in")) {
    for (const json::value& region : opted_in->get_array()) {
      account.opted_in.emplace(std::string(region.get_string()));
    }
  }
  if (const std::string_view control = text_member(body, "routing_control"); !control.empty()) {
    const auto parsed = residency::parse_name<residency::RoutingControl>(control);
    if (!parsed) {
      return std::unexpected("routing_control is chosen or fixed");
    }
    account.routing_control = *parsed;
  }
  return account;
}

}  // namespace

AdminResponse AdminApi::regions(const Call& call) {
  RegionSet wanted = all_of(directory_.regions());
  const directory::Account* own = nullptr;
  if (call.principal && call.principal->account) {
    own = directory_.find_account(*call.principal->account);
    wanted = own == nullptr ? RegionSet() : eligible(*own, directory_);
  } else if (!call.principal) {
    const auto token = bearer_token(call.request.authorization);
    const auto caller = token ? api::authenticate(directory_, limits_, *token, call.now.wall)
                              : base::Expected<Caller, AuthError>(std::unexpected(token.error()));
    const directory::Account* account = caller ? directory_.find_account(caller->account) : nullptr;
    if (account == nullptr) {
      return AdminResponse::error(401, "unauthorized",
                                  caller ? "unknown account" : caller.error().text);
    }
    wanted = account->policy.effective(level_names(caller->claims));
  }
  const auto latitude = call.query("latitude");
  const auto longitude = call.query("longitude");
  const auto north = degrees(latitude, 90);
  const auto east = degrees(longitude, 180);
  if ((latitude || longitude) && (!north || !east)) {
    return bad_request("latitude and longitude must both be degrees");
  }
  const residency::Region* here = directory_.find_region(call.request.arrived_at);
  residency::Coordinates from = here == nullptr ? residency::Coordinates{} : here->coordinates;
  if (north) {
    from = {*north, *east};
  }
  json::array list;
  for (const residency::Region* region : by_distance(directory_.regions(), wanted, from)) {
    json::object entry = region_object(*region);
    if (own != nullptr) {
      entry["opted_in"] = own->policy.effective().contains(region->id);
      entry["is_default"] = own->policy.default_region() == region->id;
    }
    list.push_back(std::move(entry));
  }
  return AdminResponse::json(200, json::object{{"regions", std::move(list)}});
}

AdminResponse AdminApi::list_accounts(const Call& call) const {
  json::array list;
  for (const directory::Account& account : directory_.accounts()) {
    if (call.principal->sees(account.id())) {
      list.push_back(account_object(account));
    }
  }
  return AdminResponse::json(200, json::object{{"accounts", std::move(list)}});
}

AdminResponse AdminApi::create_account(Call& call) {
  json::error_code error;
  const json::value body = json::parse(json_view(call.request.body), error);
  if (error || !body.is_object()) {
    return bad_request("the body must be a JSON object");
  }
  auto wanted = read_account(body.get_object());
  if (!wanted) {
    return bad_request(wanted.error());
  }
  call.result.call.account = wanted->id;
  std::string reason(text_member(body.get_object(), "reason"));
  const auto created = directory_.create_account(
      std::move(*wanted), call.author(reason.empty() ? "provisioned" : std::move(reason)),
      call.now.wall);
  if (!created) {
    return refusal(created.error());
  }
  call.result.has_new_policy = true;
  const json::object account = account_object(**created);
  const auto key = directory_.create_key(call.result.call.account, random_);
  if (!key) {
    return refusal(key.error());
  }
  return AdminResponse::json(201, json::object{{"account", account}, {"key", secret_object(*key)}});
}

AdminResponse AdminApi::get_account(const Call& call) const {
  return AdminResponse::json(200, account_object(*call.account));
}

AdminResponse AdminApi::list_keys(const Call& call) const {
  json::array list;
  for (const directory::ApiKey* key : directory_.keys_of(call.account_id())) {
    json::object entry = secret_object(*key);
    entry.erase("secret");
    list.push_back(std::move(entry));
  }
  return AdminResponse::json(200, json::object{{"keys", std::move(list)}});
}

AdminResponse AdminApi::create_key(const Call& call) {
  return with_secret(201, directory_.create_key(call.account_id(), random_));
}

AdminResponse AdminApi::rotate_key(const Call& call) {
  const auto overlap = parse_number<std::uint32_t>(call.query("overlap").value_or("0"));
  if (!overlap || std::chrono::seconds(*overlap) > directory::Directory::kMaxOverlap) {
    return bad_request("overlap is a number of seconds, at most 7 days");
  }
  return with_secret(
      200, directory_.rotate_key(call.account_id(), call.match.item, std::chrono::seconds(*overlap),
                                 random_, call.now.wall));
}

AdminResponse AdminApi::revoke_key(const Call& call) {
  const auto revoked = directory_.revoke_key(call.account_id(), call.match.item);
  return revoked ? AdminResponse{.status = 204, .content_type = {}, .body = {}}
                 : refusal(revoked.error());
}

}  // namespace meridian::api
