#include "residency/policy.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "audit/text.hpp"
#include "base/check.hpp"

namespace meridian::residency {
namespace {

constexpr std::array<std::string_view, 2> kScopes{"permitted_only", "any"};
constexpr std::array<std::string_view, 2> kGuestModes{"host_governs", "strict"};
constexpr std::array<std::string_view, 2> kEvidences{"best_effort", "required"};
constexpr std::array<std::string_view, 2> kControls{"chosen", "fixed"};
constexpr std::array<std::string_view, kSettings> kSettingNames{
    "opted_in", "signalling_scope", "guest_mode", "overrides", "evidence"};

template <class Enum, std::size_t N>
std::optional<Enum> find_name(const std::array<std::string_view, N>& names, std::string_view name) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) {
    return std::nullopt;
  }
  return static_cast<Enum>(found - names.begin());
}

void append_member(std::string& text, std::string_view name, std::string_view value) {
  text += text.size() == 1 ? "\"" : ",\"";
  text += name;
  text += "\":";
  audit::append_json_string(text, value);
}

void append_list(std::string& text, const auto& list, const auto& text_of) {
  text += '[';
  std::string_view separator;
  for (const auto& entry : list) {
    text += separator;
    audit::append_json_string(text, text_of(entry));
    separator = ",";
  }
  text += ']';
}

void append_regions(std::string& text, const RegionSet& regions) {
  append_list(text, regions,
              [](const RegionId& region) -> std::string_view { return region.value(); });
}

void append_map(std::string& text, std::string_view name, const auto& map, const auto& append) {
  text += ",\"";
  text += name;
  text += "\":{";
  std::string_view separator;
  for (const auto& [key, value] : map) {
    text += separator;
    audit::append_json_string(text, key);
    text += ':';
    append(value);
    separator = ",";
  }
  text += '}';
}

void append_user(std::string& text, const UserSetting& user) {
  text += '{';
  std::string_view separator;
  if (!user.group.empty()) {
    text += "\"group\":";
    audit::append_json_string(text, user.group);
    separator = ",";
  }
  if (user.regions) {
    text += separator;
    text += "\"regions\":";
    append_regions(text, *user.regions);
  }
  text += '}';
}

template <class Map>
auto find_entry(const Map& map, std::string_view name) -> const Map::mapped_type* {
  const auto found = map.find(name);
  return found == map.end() ? nullptr : &found->second;
}

}  // namespace

std::string_view name_of(SignallingScope scope) {
  return kScopes[static_cast<std::size_t>(scope)];
}
std::string_view name_of(GuestMode mode) {
  return kGuestModes[static_cast<std::size_t>(mode)];
}
std::string_view name_of(Evidence evidence) {
  return kEvidences[static_cast<std::size_t>(evidence)];
}
std::string_view name_of(RoutingControl control) {
  return kControls[static_cast<std::size_t>(control)];
}
std::string_view name_of(Setting setting) {
  return kSettingNames[static_cast<std::size_t>(setting)];
}
template <>
std::optional<SignallingScope> parse_name(std::string_view name) {
  return find_name<SignallingScope>(kScopes, name);
}
template <>
std::optional<GuestMode> parse_name(std::string_view name) {
  return find_name<GuestMode>(kGuestModes, name);
}
template <>
std::optional<Evidence> parse_name(std::string_view name) {
  return find_name<Evidence>(kEvidences, name);
}
template <>
std::optional<RoutingControl> parse_name(std::string_view name) {
  return find_name<RoutingControl>(kControls, name);
}
template <>
std::optional<Setting> parse_name(std::string_view name) {
  return find_name<Setting>(kSettingNames, name);
}

AccountPolicy::AccountPolicy(Terms terms, PolicyEpoch epoch)
    : terms_(std::move(terms)), epoch_(epoch) {
  MERIDIAN_CHECK(epoch != PolicyEpoch{});
  terms_.opted_in.insert(terms_.default_region);
  digest_ = audit::sha256({as_bytes(canonical(terms_))});
}

AccountPolicy::Applied AccountPolicy::applied(const LevelNames& names) const {
  const LevelSettings& levels = terms_.levels;
  Applied result;
  std::string_view group = names.group;
  if (const UserSetting* user = find_entry(levels.users, names.user)) {
    result.user = user->regions ? &*user->regions : nullptr;
    if (!user->group.empty()) {
      group = user->group;  // where the account says it, it isn't the token's to say
    }
  }
  result.group = find_entry(levels.groups, group);
  result.room = find_entry(levels.rooms, names.room);
  return result;
}

bool AccountPolicy::allows(const RegionId& region, const LevelNames& names) const {
  if (region == default_region()) {
    return true;
  }
  const Applied levels = applied(names);
  const auto has = [&](const RegionSet* set) { return set == nullptr || set->contains(region); };
  return terms_.opted_in.contains(region) && has(levels.group) && has(levels.user) &&
         has(levels.room);
}

RegionSet AccountPolicy::effective(const LevelNames& names) const {
  RegionSet result = effective();
  std::erase_if(result, [&](const RegionId& region) { return !allows(region, names); });
  return result;
}

std::vector<Step> AccountPolicy::explain(const LevelNames& names) const {
  const Applied levels = applied(names);
  std::vector<Step> steps{{"account", effective()}};
  const std::array below{std::pair{"group", levels.group}, std::pair{"user", levels.user},
                         std::pair{"room", levels.room}};
  for (const auto& [level, allowed] : below) {
    if (allowed != nullptr) {
      RegionSet left = steps.back().regions;
      std::erase_if(left, [&](const RegionId& region) {
        return region != default_region() && !allowed->contains(region);
      });
      steps.push_back({level, std::move(left)});
    }
  }
  return steps;
}

base::Expected<void, LevelFault> check_levels(const AccountPolicy::Terms& terms) {
  using Kind = LevelFault::Kind;
  const auto fail = [](Kind kind, std::string message) {
    return std::unexpected(LevelFault{kind, std::move(message)});
  };
  const auto check = [&](std::string_view level, const std::string& name, const RegionSet* allowed,
                         const RegionSet* parent) -> base::Expected<void, LevelFault> {
    if (name.empty() || name.size() > kMaxLevelName) {
      return fail(Kind::kMalformed, "the name of a " + std::string(level) + " must have 1 to " +
                                        std::to_string(kMaxLevelName) + " bytes");
    }
    const std::string setting = "the " + std::string(level) + " setting of " + name;
    if (allowed != nullptr && !allowed->contains(terms.default_region)) {
      return fail(Kind::kDropsDefault, setting + " leaves out the default region " +
                                           terms.default_region.value() +
                                           ", which is always permitted");
    }
    for (const RegionId& region : allowed == nullptr ? RegionSet{} : *allowed) {
      const bool is_inside =
          region == terms.default_region ||
          (terms.opted_in.contains(region) && (parent == nullptr || parent->contains(region)));
      if (!is_inside) {
        return fail(Kind::kOutsideParent, setting + " allows region " + region.value() +
                                              ", which the level above it does not");
      }
    }
    return {};
  };
  const LevelSettings& levels = terms.levels;
  if (levels.groups.size() + levels.users.size() + levels.rooms.size() > kMaxLevelEntries) {
    return fail(Kind::kMalformed, "there are more than " + std::to_string(kMaxLevelEntries) +
                                      " groups, users and rooms");
  }
  for (const auto& [name, regions] : levels.groups) {
    if (auto checked = check("group", name, &regions, nullptr); !checked) {
      return checked;
    }
  }
  for (const auto& [name, user] : levels.users) {
    const RegionSet* parent = find_entry(levels.groups, user.group);
    if (auto checked = check("user", name, user.regions ? &*user.regions : nullptr, parent);
        !checked) {
      return checked;
    }
  }
  for (const auto& [name, regions] : levels.rooms) {
    if (auto checked = check("room", name, &regions, nullptr); !checked) {
      return checked;
    }
  }
  return {};
}

bool is_within(const AccountPolicy::Terms& next, const AccountPolicy::Terms& before) {
  const auto tightens = [](auto now, auto then) { return now >= then; };
  const RegionSet& regions = next.opted_in;
  // A level that was restricted still is, and to no more than it was.
  const auto is_level_within = [&](const RegionSet* now, const RegionSet* then) {
    return then == nullptr ||
           std::ranges::all_of(now == nullptr ? regions : *now, [&](const RegionId& region) {
             return region == before.default_region || !regions.contains(region) ||
                    then->contains(region);
           });
  };
  const auto are_within = [&](const auto& now, const auto& then) {
    return std::ranges::all_of(then, [&](const auto& entry) {
      return is_level_within(find_entry(now, entry.first), &entry.second);
    });
  };
  const auto group_of = [](const LevelSettings& levels, const std::string& user) {
    const UserSetting* setting = find_entry(levels.users, user);
    return setting == nullptr ? std::string() : setting->group;
  };
  const auto is_user_within = [&](const auto& entry) {
    const auto& [name, then] = entry;
    const UserSetting* now = find_entry(next.levels.users, name);
    return is_level_within(now != nullptr && now->regions ? &*now->regions : nullptr,
                           then.regions ? &*then.regions : nullptr) &&
           group_of(next.levels, name) == then.group;
  };
  const auto is_group_kept = [&](const auto& entry) {
    return entry.second.group == group_of(before.levels, entry.first);
  };
  return next.account == before.account && next.default_region == before.default_region &&
         std::ranges::all_of(regions,
                             [&](const RegionId& region) {
                               return region == before.default_region ||
                                      before.opted_in.contains(region);
                             }) &&
         are_within(next.levels.groups, before.levels.groups) &&
         are_within(next.levels.rooms, before.levels.rooms) &&
         std::ranges::all_of(before.levels.users, is_user_within) &&
         std::ranges::all_of(next.levels.users, is_group_kept) &&
         tightens(before.signalling_scope, next.signalling_scope) &&
         tightens(next.guest_mode, before.guest_mode) && tightens(next.evidence, before.evidence) &&
         tightens(next.routing_control, before.routing_control) &&
         std::ranges::includes(next.locked, before.locked) &&
         (before.preset.empty() || next.preset == before.preset);
}

std::set<Setting> changed_settings(const AccountPolicy::Terms& a, const AccountPolicy::Terms& b) {
  std::set<Setting> changed;
  if (a.opted_in != b.opted_in) {
    changed.insert(Setting::kOptedIn);
  }
  if (a.signalling_scope != b.signalling_scope) {
    changed.insert(Setting::kSignallingScope);
  }
  if (a.guest_mode != b.guest_mode) {
    changed.insert(Setting::kGuestMode);
  }
  if (a.levels != b.levels) {
    changed.insert(Setting::kOverrides);
  }
  if (a.evidence != b.evidence) {
    changed.insert(Setting::kEvidence);
  }
  return changed;
}

std::string canonical(const AccountPolicy::Terms& terms) {
  RegionSet opted_in = terms.opted_in;
  opted_in.insert(terms.default_region);
  const auto regions = [](std::string& text) {
    return [&text](const RegionSet& set) { append_regions(text, set); };
  };
  std::string text = "{";
  append_member(text, "account", terms.account.value());
  append_member(text, "default_region", terms.default_region.value());
  append_member(text, "evidence", name_of(terms.evidence));
  append_map(text, "groups", terms.levels.groups, regions(text));
  append_member(text, "guest_mode", name_of(terms.guest_mode));
  text += ",\"locked\":";
  append_list(text, terms.locked, [](Setting setting) { return name_of(setting); });
  text += ",\"opted_in\":";
  append_regions(text, opted_in);
  append_member(text, "preset", terms.preset);
  append_map(text, "rooms", terms.levels.rooms, regions(text));
  append_member(text, "routing_control", name_of(terms.routing_control));
  append_member(text, "signalling_scope", name_of(terms.signalling_scope));
  append_map(text, "users", terms.levels.users,
             [&text](const UserSetting& user) { append_user(text, user); });
  text += ",\"v\":" + std::to_string(kTermsVersion) + "}";
  return text;
}

}  // namespace meridian::residency
