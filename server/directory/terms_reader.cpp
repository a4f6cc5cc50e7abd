#include "directory/terms_reader.hpp"

#include <string>
#include <utility>

#include <boost/json.hpp>

namespace meridian::directory {
namespace {

namespace json = boost::json;
using residency::RegionSet;
using Terms = residency::AccountPolicy::Terms;

// Reads members of objects that must be there; remembers that one wasn't. Whether there are others
// shows when the terms are written again.
class Reader {
 public:
  [[nodiscard]] bool is_fine() const { return is_fine_; }

  std::string text(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    if (value == nullptr || !value->is_string()) {
      is_fine_ = false;
      return {};
    }
    return std::string(value->get_string());
  }
  template <class Enum>
  Enum word(const json::object& object, std::string_view name) {
    const auto value = residency::parse_name<Enum>(text(object, name));
    is_fine_ = is_fine_ && value.has_value();
    return value.value_or(Enum{});
  }
  RegionSet regions(const json::value& value) {
    RegionSet set;
    for (std::string& text : texts(value)) {
      set.insert(RegionId(std::move(text)));
    }
    return set;
  }
  std::vector<std::string> texts(const json::value& value) {
    std::vector<std::string> result;
    if (!value.is_array()) {
      is_fine_ = false;
      return result;
    }
    for (const json::value& element : value.get_array()) {
      if (element.is_string()) {
        result.emplace_back(element.get_string());
      } else {
        is_fine_ = false;
      }
    }
    return result;
  }
  const json::value& member(const json::object& object, std::string_view name) {
    static const json::value kNothing;
    const json::value* value = object.if_contains(name);
    return value == nullptr ? kNothing : *value;
  }
  const json::object& object(const json::value& value) {
    static const json::object kEmpty;
    if (!value.is_object()) {
      is_fine_ = false;
      return kEmpty;
    }
    return value.get_object();
  }

 private:
  bool is_fine_ = true;
};

residency::LevelSettings read_levels(Reader& reader, const json::object& object) {
  residency::LevelSettings levels;
  for (const auto& [name, value] : reader.object(reader.member(object, "groups"))) {
    levels.groups[std::string(name)] = reader.regions(value);
  }
  for (const auto& [name, value] : reader.object(reader.member(object, "rooms"))) {
    levels.rooms[std::string(name)] = reader.regions(value);
  }
  for (const auto& [name, value] : reader.object(reader.member(object, "users"))) {
    const json::object& from = reader.object(value);
    residency::UserSetting& user = levels.users[std::string(name)];
    if (from.contains("group")) {
      user.group = reader.text(from, "group");
    }
    if (const json::value* regions = from.if_contains("regions")) {
      user.regions = reader.regions(*regions);
    }
  }
  return levels;
}

}  // namespace

base::Expected<Terms, base::Error> parse_terms(std::string_view text) {
  json::error_code error;
  const json::value value = json::parse({text.data(), text.size()}, error);
  if (error || !value.is_object()) {
    return base::fail("a stored policy is not JSON");
  }
  const json::object& object = value.get_object();
  const json::value* version = object.if_contains("v");
  if (version == nullptr || *version != residency::kTermsVersion) {
    return base::fail("a stored policy has a version that this program doesn't know");
  }
  Reader reader;
  Terms terms{
      .account = AccountId(reader.text(object, "account")),
      .default_region = RegionId(reader.text(object, "default_region")),
      .opted_in = reader.regions(reader.member(object, "opted_in")),
      .signalling_scope = reader.word<residency::SignallingScope>(object, "signalling_scope"),
      .guest_mode = reader.word<residency::GuestMode>(object, "guest_mode"),
      .evidence = reader.word<residency::Evidence>(object, "evidence"),
      .routing_control = reader.word<residency::RoutingControl>(object, "routing_control"),
      .preset = reader.text(object, "preset"),
      .levels = read_levels(reader, object),
  };
  for (const std::string& name : reader.texts(reader.member(object, "locked"))) {
    if (const auto setting = residency::parse_name<residency::Setting>(name)) {
      terms.locked.insert(*setting);
    }
  }
  if (!reader.is_fine() || residency::canonical(terms) != text) {
    return base::fail("a stored policy is malformed");
  }
  return terms;
}

}  // namespace meridian::directory
