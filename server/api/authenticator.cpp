#include "api/authenticator.hpp"

#include <utility>

#include "api/jwt.hpp"

namespace meridian::api {
namespace {

std::unexpected<AuthError> invalid_token(std::string_view why) {
  return refuse(401, "invalid authorization token: " + std::string(why));
}

std::unexpected<AuthError> too_long(std::string_view what, std::size_t limit) {
  return refuse(400,
                std::string(what) + " exceeds the limit of " + std::to_string(limit) + " bytes");
}

std::size_t size_of(const std::map<std::string, std::string>& attributes) {
  std::size_t size = 0;
  for (const auto& [key, value] : attributes) {
    size += key.size() + value.size();
  }
  return size;
}

base::Expected<void, AuthError> check_sizes(const Claims& claims, const config::Limits& limits) {
  if (claims.identity.size() > limits.identity_length) {
    return too_long("participant identity", limits.identity_length);
  }
  if (claims.name.size() > limits.name_length) {
    return too_long("participant name", limits.name_length);
  }
  if (claims.metadata.size() > limits.metadata_size) {
    return too_long("participant metadata", limits.metadata_size);
  }
  if (size_of(claims.attributes) > limits.attributes_size) {
    return too_long("participant attributes", limits.attributes_size);
  }
  if (claims.routing && (claims.routing->group.size() > residency::kMaxLevelName ||
                         claims.routing->user.size() > residency::kMaxLevelName)) {
    return too_long("name of a group or user", residency::kMaxLevelName);
  }
  if (claims.video && claims.video->room.size() > limits.room_name_length) {
    return too_long("room name", limits.room_name_length);
  }
  return {};
}

base::Expected<void, AuthError> require(bool is_granted) {
  if (!is_granted) {
    return refuse(401, "permissions denied");
  }
  return {};
}

}  // namespace

base::Expected<std::string_view, AuthError> bearer_token(std::string_view authorization) {
  static constexpr std::string_view kPrefix = "Bearer ";
  if (!authorization.starts_with(kPrefix)) {
    return refuse(401, "invalid authorization header. Must start with Bearer ");
  }
  return authorization.substr(kPrefix.size());
}

base::Expected<Caller, AuthError> authenticate(const directory::Directory& directory,
                                               const config::Limits& limits, std::string_view token,
                                               UnixTime now) {
  if (token.empty()) {
    return refuse(401, "invalid authorization header. Must start with Bearer ");
  }
  const auto jwt = decode_jwt(token);
  if (!jwt) {
    return invalid_token(name_of(jwt.error()));
  }
  const directory::ApiKey* key = directory.find_key(jwt->issuer);
  if (key == nullptr) {
    return refuse(401, "invalid API key");
  }
  const bool is_signed_before = !key->previous_secret.empty() && now < key->previous_until &&
                                check_signature(*jwt, key->previous_secret).has_value();
  if (const auto checked = check_signature(*jwt, key->secret); !checked && !is_signed_before) {
    return invalid_token(name_of(checked.error()));
  }
  if (const auto checked = check_times(*jwt, now); !checked) {
    return invalid_token(name_of(checked.error()));
  }
  auto claims = parse_claims(*jwt);
  if (!claims) {
    return invalid_token(claims.error().message);
  }
  if (auto checked = check_sizes(*claims, limits); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  return Caller{key->account, key->key, std::move(*claims)};
}

base::Expected<void, AuthError> authorize_join(const Caller& caller, const config::Limits& limits) {
  const Claims& claims = caller.claims;
  if (!claims.video || !claims.video->room_join) {
    return refuse(401, "no permissions to access the room");
  }
  if (claims.identity.empty()) {
    return refuse(400, "participant identity cannot be empty");
  }
  if (claims.video->room.empty()) {
    return refuse(400, "room name cannot be empty");
  }
  return check_sizes(claims, limits);
}

base::Expected<void, AuthError> authorize_room_create(const Caller& caller) {
  return require(caller.claims.video && caller.claims.video->room_create);
}

base::Expected<void, AuthError> authorize_room_list(const Caller& caller) {
  return require(caller.claims.video && caller.claims.video->room_list);
}

base::Expected<void, AuthError> authorize_room_admin(const Caller& caller, std::string_view room) {
  return require(caller.claims.video && caller.claims.video->room_admin &&
                 caller.claims.video->room == room);
}

}  // namespace meridian::api
