#include "config/preset_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/config/sample.hpp"

namespace meridian::config {
namespace {

using residency::Setting;
using testing::ElementsAre;
using testing::HasSubstr;
using testing_support::kSample;
using testing_support::problems_of;

std::string with_presets(std::string_view presets) {
  return std::string(kSample) + "presets:\n" + std::string(presets);
}

TEST(PresetReader, reads_presets) {
  const auto loaded = parse(with_presets(R"(
  health:
    regions: default_only
    jurisdictions: [uk, eu]
    signalling_scope: permitted_only
    guest_mode: strict
    evidence: required
    locked: [opted_in, overrides]
  plain: {}
)"),
                            "f");
  ASSERT_TRUE(loaded);
  EXPECT_THAT(loaded->config.presets,
              ElementsAre(residency::Preset{.name = "health",
                                            .regions = residency::Preset::Regions::kDefaultOnly,
                                            .jurisdictions = {"eu", "uk"},
                                            .permitted_signalling_only = true,
                                            .strict_guests = true,
                                            .evidence_required = true,
                                            .locked = {Setting::kOptedIn, Setting::kOverrides}},
                          residency::Preset{.name = "plain", .jurisdictions = {}, .locked = {}}));
  ASSERT_NE(loaded->config.preset("plain"), nullptr);
  EXPECT_EQ(loaded->config.preset("none"), nullptr);
}

TEST(PresetReader, a_preset_only_tightens) {
  EXPECT_THAT(problems_of(with_presets("  p: {signalling_scope: any}\n")),
              ElementsAre(HasSubstr("presets.p.signalling_scope: a preset only tightens")));
  EXPECT_THAT(problems_of(with_presets("  p: {guest_mode: host_governs}\n")),
              ElementsAre(HasSubstr("a preset only tightens")));
  EXPECT_THAT(problems_of(with_presets("  p: {evidence: best_effort}\n")),
              ElementsAre(HasSubstr("a preset only tightens")));
  EXPECT_THAT(problems_of(with_presets("  p: {regions: chosen}\n")),
              ElementsAre(HasSubstr("a preset only tightens")));
}

TEST(PresetReader, checks_names_and_words) {
  EXPECT_THAT(problems_of(with_presets("  P: {}\n")), ElementsAre(HasSubstr("a preset's name")));
  EXPECT_THAT(problems_of(with_presets("  p: {locked: [regions]}\n")),
              ElementsAre(HasSubstr("must be one of opted_in, signalling_scope")));
  EXPECT_THAT(problems_of(with_presets("  p: {}\n  p: {}\n")),
              ElementsAre(HasSubstr("this key occurs twice")));
  EXPECT_THAT(problems_of(std::string(kSample) + "presets: [a]\n"),
              ElementsAre(HasSubstr("must have names under it")));
}

}  // namespace
}  // namespace meridian::config
