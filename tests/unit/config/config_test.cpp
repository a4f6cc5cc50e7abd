#include "config/config.hpp"

#include <gtest/gtest.h>

namespace meridian::config {
namespace {

TEST(Config, finds_a_region_by_its_id) {
  Config config;
  config.regions.push_back({RegionId("uk"), "London", {}, {}, "ws://uk"});
  ASSERT_NE(config.region(RegionId("uk")), nullptr);
  EXPECT_EQ(config.region(RegionId("uk"))->name, "London");
  EXPECT_EQ(config.region(RegionId("us")), nullptr);
}

TEST(Config, a_problem_reads_like_a_compilers) {
  EXPECT_EQ((Problem{"a.yaml", 12, "pools[0].workers", "is missing"}).to_string(),
            "a.yaml:12: pools[0].workers: is missing");
  EXPECT_EQ((Problem{"a.yaml", 0, "", "is empty"}).to_string(), "a.yaml: is empty");
}

}  // namespace
}  // namespace meridian::config
