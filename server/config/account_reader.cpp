#include "config/account_reader.hpp"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

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

residency::SignallingScope read_scope(const YamlNode& node) {
  using residency::SignallingScope;
  const std::string text = node.text().value_or("permitted_only");
  if (text == name_of(SignallingScope::kAny)) {
    return SignallingScope::kAny;
  }
  if (text != name_of(SignallingScope::kPermittedOnly)) {
    node.error("must be permitted_only or any, is " + text);
  }
  return SignallingScope::kPermittedOnly;
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

std::string read_id(const YamlNode& node) {
  constexpr std::size_t kMaxIdLength = 64;
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
  std::string id = node.required_text();
  if (id.size() > kMaxIdLength || id.find_first_not_of(kAllowed) != std::string::npos) {
    node.error("must be at most 64 of the characters a-z, 0-9, '-', '_' and '.'");
    return {};
  }
  return id;
}

std::vector<Account> read_accounts(const YamlNode& node, const Regions& regions) {
  std::vector<Account> accounts;
  std::set<std::string> keys;
  for (const YamlNode& element : node.elements()) {
    element.expect_keys(
        {"id", "name", "default_region", "opted_in", "signalling_scope", "api_keys"});
    Account account;
    account.id = AccountId(read_id(element["id"]));
    if (!account.id.empty() &&
        std::ranges::find(accounts, account.id, &Account::id) != accounts.end()) {
      element["id"].error("the account " + account.id.value() + " is defined twice");
    }
    account.name = element["name"].text().value_or(account.id.value());
    account.default_region = read_region(element["default_region"], regions);
    for (const YamlNode& region : element["opted_in"].elements()) {
      account.opted_in.insert(read_region(region, regions));
    }
    account.signalling_scope = read_scope(element["signalling_scope"]);
    account.api_keys = read_keys(element["api_keys"], keys);
    if (account.api_keys.empty()) {
      element["api_keys"].warning("is empty, so nobody can join a meeting of this account");
    }
    accounts.push_back(std::move(account));
  }
  return accounts;
}

}  // namespace meridian::config
