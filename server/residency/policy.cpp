#include "residency/policy.hpp"

#include <array>
#include <string_view>
#include <utility>

#include "audit/text.hpp"
#include "base/check.hpp"

namespace meridian::residency {

std::string_view name_of(SignallingScope scope) {
  switch (scope) {
    case SignallingScope::kPermittedOnly:
      return "permitted_only";
    case SignallingScope::kAny:
      return "any";
  }
  return "";
}

AccountPolicy::AccountPolicy(Terms terms, PolicyEpoch epoch)
    : terms_(std::move(terms)), epoch_(epoch) {
  MERIDIAN_CHECK(epoch != PolicyEpoch{});
  terms_.opted_in.insert(terms_.default_region);
  digest_ = audit::sha256({as_bytes(canonical(terms_))});
}

base::Expected<RegionSet, base::Error> AccountPolicy::effective(const Overrides& overrides) const {
  struct Level {
    std::string_view name;
    const std::optional<RegionSet>& allowed;
  };
  const std::array levels{Level{"group", overrides.group}, Level{"user", overrides.user},
                          Level{"room", overrides.room}};
  RegionSet result = effective();
  for (const Level& level : levels) {
    if (!level.allowed) {
      continue;
    }
    for (const RegionId& region : *level.allowed) {
      if (!result.contains(region)) {
        return base::fail("the " + std::string(level.name) + " setting allows region " +
                          region.value() + ", which the level above it does not");
      }
    }
    result = *level.allowed;
    result.insert(default_region());
  }
  return result;
}

std::string canonical(const AccountPolicy::Terms& terms) {
  std::string text = R"({"account":)";
  audit::append_json_string(text, terms.account.value());
  text += R"(,"default_region":)";
  audit::append_json_string(text, terms.default_region.value());
  text += R"(,"opted_in":[)";
  RegionSet opted_in = terms.opted_in;
  opted_in.insert(terms.default_region);
  std::string_view separator;
  for (const RegionId& region : opted_in) {
    text += separator;
    audit::append_json_string(text, region.value());
    separator = ",";
  }
  text += R"(],"signalling_scope":)";
  audit::append_json_string(text, name_of(terms.signalling_scope));
  text += R"(,"v":1})";
  return text;
}

}  // namespace meridian::residency
