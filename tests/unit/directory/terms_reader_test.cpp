#include "directory/terms_reader.hpp"

#include <gtest/gtest.h>

namespace meridian::directory {
namespace {

residency::AccountPolicy::Terms terms() {
  const RegionId uk("uk");
  residency::AccountPolicy::Terms terms{.account = AccountId("a"),
                                        .default_region = uk,
                                        .opted_in = {uk, RegionId("eu")},
                                        .signalling_scope = residency::SignallingScope::kAny,
                                        .guest_mode = residency::GuestMode::kStrict,
                                        .evidence = residency::Evidence::kRequired,
                                        .routing_control = residency::RoutingControl::kFixed,
                                        .preset = "health",
                                        .locked = {residency::Setting::kOverrides}};
  terms.levels.groups["ward \"7\"\n"] = {uk};
  terms.levels.users["ann"] = {.group = "ward", .regions = {}};
  terms.levels.users["bob"] = {.group = {}, .regions = residency::RegionSet{uk}};
  terms.levels.rooms["räume"] = {uk};
  return terms;
}

TEST(TermsReader, reads_what_is_written) {
  const auto read = parse_terms(canonical(terms()));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, terms());
}

TEST(TermsReader, refuses_every_other_text) {
  const std::string text = canonical(terms());
  for (std::size_t i = 0; i < text.size(); ++i) {
    EXPECT_FALSE(parse_terms(text.substr(0, i)));
    std::string changed = text;
    changed[i] = '#';
    if (const auto read = parse_terms(changed)) {
      EXPECT_EQ(canonical(*read), changed);  // a name with a # in it
    }
  }
  EXPECT_FALSE(parse_terms(text + " "));
  EXPECT_FALSE(parse_terms("null"));
}

TEST(TermsReader, a_version_that_it_does_not_know_is_said_to_be_one) {
  std::string text = canonical(terms());
  text.replace(text.find("\"v\":2"), 5, "\"v\":9");
  EXPECT_EQ(parse_terms(text).error().message,
            "a stored policy has a version that this program doesn't know");
}

}  // namespace
}  // namespace meridian::directory
