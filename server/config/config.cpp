#include "config/config.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace meridian::config {
namespace {

constexpr std::array<std::string_view, 4> kRoles{"owner", "admin", "auditor", "operator"};

}  // namespace

const residency::Region* Config::region(const RegionId& id) const {
  const auto found = std::ranges::find(regions, id, &residency::Region::id);
  return found == regions.end() ? nullptr : &*found;
}

const residency::Preset* Config::preset(std::string_view name) const {
  const auto found = std::ranges::find(presets, name, &residency::Preset::name);
  return found == presets.end() ? nullptr : &*found;
}

residency::AccountPolicy::Terms Account::terms(
    const std::vector<residency::Preset>& presets,
    const std::vector<residency::Region>& regions) const {
  residency::AccountPolicy::Terms terms{.account = id,
                                        .default_region = default_region,
                                        .opted_in = opted_in,
                                        .signalling_scope = signalling_scope,
                                        .guest_mode = guest_mode,
                                        .evidence = evidence,
                                        .routing_control = routing_control,
                                        .locked = locked,
                                        .levels = levels};
  terms.opted_in.insert(default_region);
  const auto found = std::ranges::find(presets, preset, &residency::Preset::name);
  if (found != presets.end()) {
    terms = residency::tighten(std::move(terms), *found, regions);
  }
  return residency::fix(std::move(terms));
}

std::string_view name_of(AdminRole role) {
  return kRoles[static_cast<std::size_t>(role)];
}

std::optional<AdminRole> parse_admin_role(std::string_view name) {
  const auto found = std::ranges::find(kRoles, name);
  if (found == kRoles.end()) {
    return std::nullopt;
  }
  return static_cast<AdminRole>(found - kRoles.begin());
}

std::string Problem::to_string() const {
  std::string text = file;
  if (line != 0) {
    text += ":" + std::to_string(line);
  }
  if (!path.empty()) {
    text += ": " + path;
  }
  return text + ": " + message;
}

}  // namespace meridian::config
