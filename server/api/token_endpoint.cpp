#include "api/token_endpoint.hpp"

#include <map>
#include <utility>

#include <boost/json.hpp>

#include "api/grants.hpp"
#include "api/json_text.hpp"

namespace meridian::api {
namespace {

namespace json = boost::json;

// The member under its snake or camel case name; null when absent.
const json::value* member(const json::object& object, json::string_view snake,
                          json::string_view camel) {
  const json::value* value = object.if_contains(snake);
  value = value == nullptr ? object.if_contains(camel) : value;
  return value == nullptr || value->is_null() ? nullptr : value;
}

base::Expected<JoinTokenRequest, AuthError> parse_body(std::string_view body) {
  JoinTokenRequest request;
  if (body.empty()) {
    return request;
  }
  json::error_code error;
  const json::value value = json::parse(json_view(body), error);
  if (error || !value.is_object()) {
    return refuse(400, "the body must be a JSON object");
  }
  const json::object& object = value.get_object();
  struct Field {
    json::string_view snake;
    json::string_view camel;
    std::string& out;
  };
  const Field fields[] = {
      {"room_name", "roomName", request.room},
      {"participant_identity", "participantIdentity", request.identity},
      {"participant_name", "participantName", request.name},
      {"participant_metadata", "participantMetadata", request.metadata},
  };
  for (const Field& field : fields) {
    if (const json::value* found = member(object, field.snake, field.camel)) {
      if (!found->is_string()) {
        return refuse(400, std::string(field.snake) + " must be a string");
      }
      field.out = std::string(found->get_string());
    }
  }
  if (const auto* found = member(object, "participant_attributes", "participantAttributes")) {
    if (!found->is_object()) {
      return refuse(400, "participant_attributes must be an object");
    }
    for (const auto& [key, attribute] : found->get_object()) {
      if (!attribute.is_string()) {
        return refuse(400, "participant_attributes must be an object of strings");
      }
      request.attributes.insert_or_assign(std::string(key), std::string(attribute.get_string()));
    }
  }
  if (const auto* found = member(object, "room_config", "roomConfig")) {
    if (!found->is_object()) {
      return refuse(400, "room_config must be an object");
    }
    request.room_config = json::serialize(*found);
  }
  return request;
}

// Where the client is sent. Null when `region` names none.
const residency::Region* pick_region(const directory::Directory& directory,
                                     const residency::AccountPolicy& policy,
                                     const TokenSourceRequest& request, const std::string& room) {
  if (request.region) {
    return directory.find_region(*request.region);
  }
  const bool may_stay = policy.allows(request.arrived_at, {.group = {}, .user = {}, .room = room});
  return directory.find_region(may_stay ? request.arrived_at : policy.default_region());
}

}  // namespace

base::Expected<std::string, AuthError> answer_token_source(const directory::Directory& directory,
                                                           const config::Limits& limits,
                                                           const TokenSourceRequest& request,
                                                           RandomSource& random, UnixTime now) {
  constexpr std::size_t kRandomLength = 10;
  const auto accounts = directory.accounts();
  const directory::Account* account = accounts.empty() ? nullptr : &accounts.front();
  if (request.account) {
    account = directory.find_account(*request.account);
  }
  const directory::ApiKey* key = account == nullptr ? nullptr : directory.key_of(account->id());
  if (key == nullptr) {
    return refuse(404, "no such account, or it has no API key");
  }
  auto join = parse_body(request.body);
  if (!join) {
    return std::unexpected(std::move(join.error()));
  }
  if (join->room.empty()) {
    join->room = "room-" + random.alphanumeric(kRandomLength);
  }
  if (join->identity.empty()) {
    join->identity = "guest-" + random.alphanumeric(kRandomLength);
  }
  const residency::Region* region = pick_region(directory, account->policy, request, join->room);
  if (region == nullptr) {
    return refuse(404, "no such region");
  }
  const std::string token = join_token(*join, {key->key, key->secret, now});
  // What a join would refuse is refused here already, where the page can show it.
  if (auto caller = authenticate(directory, limits, token, now); !caller) {
    return std::unexpected(std::move(caller.error()));
  }
  const json::object answer{{"server_url", region->url},
                            {"participant_token", token},
                            {"room_name", join->room},
                            {"participant_identity", join->identity}};
  return json::serialize(answer);
}

}  // namespace meridian::api
