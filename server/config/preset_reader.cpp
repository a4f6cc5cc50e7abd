#include "config/preset_reader.hpp"

#include <string>
#include <utility>

#include "config/account_reader.hpp"

namespace meridian::config {
namespace {

// Whether a part of a preset is set, to the only value that tightens.
bool read_tight(const YamlNode& node, std::string_view tight) {
  const auto text = node.text();
  if (text && *text != tight) {
    node.error("a preset only tightens: leave it out or say " + std::string(tight) + ", is " +
               *text);
  }
  return text.has_value();
}

}  // namespace

std::set<residency::Setting> read_settings(const YamlNode& node) {
  std::set<residency::Setting> settings;
  for (const YamlNode& element : node.elements()) {
    const std::string name = element.required_text();
    if (const auto setting = residency::parse_name<residency::Setting>(name)) {
      settings.insert(*setting);
    } else {
      element.error(
          "must be one of opted_in, signalling_scope, guest_mode, overrides, evidence, is " + name);
    }
  }
  return settings;
}

std::vector<residency::Preset> read_presets(const YamlNode& node) {
  std::vector<residency::Preset> presets;
  for (const auto& [name, element] : node.entries()) {
    if (!is_id(name)) {
      element.error("a preset's name must be at most 64 of the characters a-z, 0-9, '-', '_', '.'");
    }
    element.expect_keys(
        {"regions", "jurisdictions", "signalling_scope", "guest_mode", "evidence", "locked"});
    residency::Preset preset{.name = name, .jurisdictions = {}, .locked = {}};
    if (read_tight(element["regions"], "default_only")) {
      preset.regions = residency::Preset::Regions::kDefaultOnly;
    }
    for (const YamlNode& tag : element["jurisdictions"].elements()) {
      preset.jurisdictions.insert(tag.required_text());
    }
    preset.permitted_signalling_only = read_tight(element["signalling_scope"], "permitted_only");
    preset.strict_guests = read_tight(element["guest_mode"], "strict");
    preset.evidence_required = read_tight(element["evidence"], "required");
    preset.locked = read_settings(element["locked"]);
    presets.push_back(std::move(preset));
  }
  return presets;
}

}  // namespace meridian::config
