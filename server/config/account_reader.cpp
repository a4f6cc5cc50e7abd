#include "config/account_reader.hpp"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "config/preset_reader.hpp"
#include "config/webhook_reader.hpp"

namespace meridian::config {
namespace {

using Regions = std::vector<residency::Region>;

RegionId read_region(const YamlNode& node, const Regions& regions) {
  RegionId region(node.required_text());
  if (!region.empty() &&
      std::ranges::find(regions, region, &residency::Region::id) == regions.end()) {
    node.error("there is no region " + region.value());
  }
  return region;
}

residency::RegionSet read_region_set(const YamlNode& node, const Regions& regions) {
  residency::RegionSet set;
  for (const YamlNode& region : node.elements()) {
    set.insert(read_region(region, regions));
  }
  return set;
}

// The value of that name; `fallback` when absent or reported.
template <class Enum>
Enum read_word(const YamlNode& node, Enum fallback, std::string_view words) {
  const auto text = node.text();
  if (!text) {
    return fallback;
  }
  const auto value = residency::parse_name<Enum>(*text);
  if (!value) {
    node.error("must be " + std::string(words) + ", is " + *text);
  }
  return value.value_or(fallback);
}

residency::LevelSettings read_levels(const YamlNode& node, const Regions& regions) {
  residency::LevelSettings levels;
  for (const auto& [name, set] : node["groups"].entries()) {
    levels.groups[name] = read_region_set(set, regions);
  }
  for (const auto& [name, user] : node["users"].entries()) {
    user.expect_keys({"group", "regions"});
    residency::UserSetting& setting = levels.users[name];
    setting.group = user["group"].text().value_or("");
    if (user["regions"].is_present()) {
      setting.regions = read_region_set(user["regions"], regions);
    }
  }
  for (const auto& [name, set] : node["rooms"].entries()) {
    levels.rooms[name] = read_region_set(set, regions);
  }
  return levels;
}

// What the account says as a whole: a level that can't hold, a preset or plan that it contradicts.
void check_terms(const YamlNode& node, const Account& account, const Regions& regions,
                 const std::vector<residency::Preset>& presets) {
  if (!account.preset.empty() &&
      std::ranges::find(presets, account.preset, &residency::Preset::name) == presets.end()) {
    node["preset"].error("there is no preset " + account.preset);
    return;
  }
  Account plain = account;
  plain.preset.clear();
  plain.routing_control = residency::RoutingControl::kChosen;
  if (const auto checked = residency::check_levels(plain.terms({}, regions)); !checked) {
    node.error(checked.error().message);
  }
  for (const RegionId& region : account.opted_in) {
    if (!account.terms(presets, regions).opted_in.contains(region)) {
      node["opted_in"].error("region " + region.value() + " is not for an account with its " +
                             (account.preset.empty() ? "plan" : "preset " + account.preset));
    }
  }
}

std::vector<ApiKey> read_keys(const YamlNode& node, std::set<std::string>& keys_before) {
  constexpr std::size_t kMaxSecretLength = 1024;
  std::vector<ApiKey> keys;
  for (const YamlNode& element : node.elements()) {
    element.expect_keys({"key", "secret"});
    ApiKey key{element["key"].required_text(), element["secret"].required_text()};
    if (!key.key.empty() && !keys_before.insert(key.key).second) {
      element["key"].error("the API key " + key.key + " is defined twice");
    }
    if (key.secret.size() > kMaxSecretLength) {
      element["secret"].error("is longer than " + std::to_string(kMaxSecretLength) + " characters");
    } else if (!key.secret.empty() && key.secret.size() < kMinSecretLength) {
      element["secret"].warning("is shorter than " + std::to_string(kMinSecretLength) +
                                " characters and can be guessed: for development only");
    }
    keys.push_back(std::move(key));
  }
  return keys;
}

}  // namespace

bool is_id(std::string_view text) {
  constexpr std::size_t kMaxIdLength = 64;
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
  return !text.empty() && text.size() <= kMaxIdLength &&
         text.find_first_not_of(kAllowed) == std::string_view::npos;
}

std::string read_id(const YamlNode& node) {
  std::string id = node.required_text();
  if (!id.empty() && !is_id(id)) {
    node.error("must be at most 64 of the characters a-z, 0-9, '-', '_' and '.'");
    return {};
  }
  return id;
}

std::vector<Account> read_accounts(const YamlNode& node, const Regions& regions,
                                   const std::vector<residency::Preset>& presets) {
  std::vector<Account> accounts;
  std::set<std::string> keys;
  for (const YamlNode& element : node.elements()) {
    element.expect_keys({"id", "name", "default_region", "opted_in", "signalling_scope",
                         "guest_mode", "evidence", "routing_control", "preset", "locked", "groups",
                         "users", "rooms", "signalling_host", "api_keys", "webhooks"});
    Account account;
    account.id = AccountId(read_id(element["id"]));
    if (!account.id.empty() &&
        std::ranges::find(accounts, account.id, &Account::id) != accounts.end()) {
      element["id"].error("the account " + account.id.value() + " is defined twice");
    }
    account.name = element["name"].text().value_or(account.id.value());
    account.default_region = read_region(element["default_region"], regions);
    account.opted_in = read_region_set(element["opted_in"], regions);
    account.signalling_scope =
        read_word(element["signalling_scope"], account.signalling_scope, "permitted_only or any");
    account.guest_mode =
        read_word(element["guest_mode"], account.guest_mode, "host_governs or strict");
    account.evidence = read_word(element["evidence"], account.evidence, "best_effort or required");
    account.routing_control =
        read_word(element["routing_control"], account.routing_control, "chosen or fixed");
    account.preset = element["preset"].text().value_or("");
    account.locked = read_settings(element["locked"]);
    account.levels = read_levels(element, regions);
    account.signalling_host = element["signalling_host"].text().value_or("");
    account.api_keys = read_keys(element["api_keys"], keys);
    account.webhooks = read_webhooks(element["webhooks"], account, regions);
    if (account.api_keys.empty()) {
      element["api_keys"].warning("is empty, so nobody can join a meeting of this account");
    }
    check_terms(element, account, regions, presets);
    accounts.push_back(std::move(account));
  }
  return accounts;
}

}  // namespace meridian::config
