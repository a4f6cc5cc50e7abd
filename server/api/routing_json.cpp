#include "api/routing_json.hpp"

#include <array>
#include <cstdio>
#include <ctime>
#include <optional>
#include <utility>

#include <boost/json.hpp>

#include "api/json_text.hpp"

namespace meridian::api {
namespace {

namespace json = boost::json;
using residency::RegionSet;
using Terms = residency::AccountPolicy::Terms;

template <class Strong>
json::string id_text(const Strong& id) {
  return json::string(json_view(id.value()));
}
json::value text_or_null(std::string_view text) {
  return text.empty() ? json::value(nullptr) : json::value(json_view(text));
}
json::object level_object(const std::map<std::string, RegionSet, std::less<>>& level) {
  json::object object;
  for (const auto& [name, regions] : level) {
    object[json_view(name)] = region_array(regions);
  }
  return object;
}

json::object users_object(const std::map<std::string, residency::UserSetting, std::less<>>& users) {
  json::object object;
  for (const auto& [name, setting] : users) {
    json::object entry;
    if (!setting.group.empty()) {
      entry["group"] = json_view(setting.group);
    }
    if (setting.regions) {
      entry["regions"] = region_array(*setting.regions);
    }
    object[json_view(name)] = std::move(entry);
  }
  return object;
}

// -- Reading --------------------------------------------------------------------------------------

// Reads the members of a change into terms and remembers the first that is wrong.
class ChangeReader {
 public:
  ChangeReader(const json::object& body, const Terms& from) : body_(body), from_(from) {
    update_.terms = from;
  }

  base::Expected<RoutingUpdate, BodyError> read() && {
    for (const auto& [name, value] : body_) {
      read_member(name, value);
      if (error_) {
        return std::unexpected(std::move(*error_));
      }
    }
    constexpr std::size_t kMaxReason = directory::PolicyStore::kMaxText;
    if (update_.reason.empty() || update_.reason.size() > kMaxReason) {
      fail("reason must say why, in at most " + std::to_string(kMaxReason) + " bytes");
      return std::unexpected(std::move(*error_));
    }
    return std::move(update_);
  }

 private:
  void fail(std::string message) {
    if (!error_) {
      error_ = BodyError{400, "bad_request", std::move(message)};
    }
  }

  void read_member(std::string_view name, const json::value& value) {
    Terms& terms = update_.terms;
    if (name == "opted_in") {
      terms.opted_in = regions(name, value);
    } else if (name == "signalling_scope") {
      read_name(name, value, terms.signalling_scope);
    } else if (name == "guest_mode") {
      read_name(name, value, terms.guest_mode);
    } else if (name == "evidence") {
      read_name(name, value, terms.evidence);
    } else if (name == "locked") {
      terms.locked = locks(value);
    } else if (name == "groups") {
      terms.levels.groups = level(name, value);
    } else if (name == "rooms") {
      terms.levels.rooms = level(name, value);
    } else if (name == "users") {
      terms.levels.users = users(value);
    } else if (name == "reason") {
      update_.reason = text(name, value);
    } else if (name == "default_region") {
      if (text(name, value) != from_.default_region.value()) {
        error_ = BodyError{409, "default_region_locked",
                           "the default region was chosen when the account was made"};
      }
    } else {
      read_fixed(name, value);
    }
  }

  // Members that a GET has and nobody can change: as they are, or not at all.
  void read_fixed(std::string_view name, const json::value& value) {
    if (name == "epoch" || name == "digest" || name == "actor" || name == "time") {
      return;  // of the version that this one was made from; If-Match is what counts
    }
    const bool is_same =
        name == "account"
            ? text(name, value) == from_.account.value()
            : (name == "preset"
                   ? (value.is_null() ? std::string() : text(name, value)) == from_.preset
                   : name == "routing_control" &&
                         text(name, value) == residency::name_of(from_.routing_control));
    if (!is_same) {
      fail(std::string(name) + " is unknown, or can't be changed");
    }
  }

  std::string text(std::string_view name, const json::value& value) {
    if (!value.is_string()) {
      fail(std::string(name) + " must be a string");
      return {};
    }
    return std::string(text_view(value.get_string()));
  }

  template <class Enum>
  void read_name(std::string_view name, const json::value& value, Enum& out) {
    const auto found = residency::parse_name<Enum>(text(name, value));
    if (!found) {
      fail(std::string(name) + " has a value that is unknown");
      return;
    }
    out = *found;
  }

  const json::array* array(std::string_view name, const json::value& value) {
    if (!value.is_array()) {
      fail(std::string(name) + " must be a list of strings");
      return nullptr;
    }
    return &value.get_array();
  }

  const json::object* object(std::string_view name, const json::value& value) {
    if (!value.is_object()) {
      fail(std::string(name) + " must be an object");
      return nullptr;
    }
    return &value.get_object();
  }

  RegionSet regions(std::string_view name, const json::value& value) {
    RegionSet result;
    if (const json::array* list = array(name, value)) {
      for (const json::value& element : *list) {
        result.emplace(text(name, element));
      }
    }
    return result;
  }

  std::set<residency::Setting> locks(const json::value& value) {
    std::set<residency::Setting> result;
    if (const json::array* list = array("locked", value)) {
      for (const json::value& element : *list) {
        residency::Setting setting{};
        read_name("locked", element, setting);
        result.insert(setting);
      }
    }
    return result;
  }

  std::map<std::string, RegionSet, std::less<>> level(std::string_view name,
                                                      const json::value& value) {
    std::map<std::string, RegionSet, std::less<>> result;
    if (const json::object* entries = object(name, value)) {
      for (const auto& [key, element] : *entries) {
        result.insert_or_assign(std::string(key), regions(name, element));
      }
    }
    return result;
  }

  std::map<std::string, residency::UserSetting, std::less<>> users(const json::value& value) {
    std::map<std::string, residency::UserSetting, std::less<>> result;
    const json::object* entries = object("users", value);
    if (entries == nullptr) {
      return result;
    }
    for (const auto& [key, element] : *entries) {
      const json::object* members = object("users", element);
      residency::UserSetting setting;
      for (const auto& [name, member] : members == nullptr ? json::object() : *members) {
        if (name == "group") {
          setting.group = member.is_null() ? std::string() : text("users: group", member);
        } else if (name == "regions") {
          setting.regions =
              member.is_null() ? std::nullopt : std::optional(regions("users: regions", member));
        } else {
          fail("users have group and regions only");
        }
      }
      result.insert_or_assign(std::string(key), std::move(setting));
    }
    return result;
  }

  const json::object& body_;
  const Terms& from_;
  RoutingUpdate update_;
  std::optional<BodyError> error_;
};

}  // namespace

std::string timestamp(UnixTime time) {
  const std::time_t seconds = time.seconds();
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 64> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::array<char, 8> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%03dZ",
                static_cast<int>(time.milliseconds() % 1000));
  return std::string(text.data(), size) + fraction.data();
}

json::array region_array(const RegionSet& regions) {
  json::array array;
  for (const RegionId& region : regions) {
    array.emplace_back(id_text(region));
  }
  return array;
}

json::object routing_document(const directory::PolicyVersion& version) {
  const residency::AccountPolicy& policy = version.policy;
  const Terms& terms = policy.terms();
  json::array locked;
  for (const residency::Setting setting : terms.locked) {
    locked.emplace_back(json_view(residency::name_of(setting)));
  }
  return {{"account", id_text(terms.account)},
          {"epoch", policy.epoch().value()},
          {"digest", policy.digest().hex()},
          {"default_region", id_text(terms.default_region)},
          {"opted_in", region_array(terms.opted_in)},
          {"signalling_scope", json_view(residency::name_of(terms.signalling_scope))},
          {"guest_mode", json_view(residency::name_of(terms.guest_mode))},
          {"evidence", json_view(residency::name_of(terms.evidence))},
          {"routing_control", json_view(residency::name_of(terms.routing_control))},
          {"preset", text_or_null(terms.preset)},
          {"locked", std::move(locked)},
          {"groups", level_object(terms.levels.groups)},
          {"users", users_object(terms.levels.users)},
          {"rooms", level_object(terms.levels.rooms)},
          {"actor", json_view(version.actor)},
          {"reason", json_view(version.reason)},
          {"time", json_view(timestamp(version.time))}};
}

json::object routing_document(const directory::Account& account) {
  return routing_document(directory::PolicyVersion{.policy = account.policy,
                                                   .actor = account.actor,
                                                   .reason = account.reason,
                                                   .time = account.time});
}

base::Expected<RoutingUpdate, BodyError> parse_routing_change(std::string_view body,
                                                              const Terms& from) {
  json::error_code error;
  const json::value value = json::parse(json_view(body), error);
  if (error || !value.is_object()) {
    return std::unexpected(BodyError{.message = "the body must be a JSON object"});
  }
  return ChangeReader(value.get_object(), from).read();
}

}  // namespace meridian::api
