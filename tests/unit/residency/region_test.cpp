#include "residency/region.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace meridian::residency {
namespace {

const Region kLondon{RegionId("uk-london"), "London", {"uk"}, {51.5074, -0.1278}, ""};
const Region kFrankfurt{RegionId("eu-frankfurt"), "Frankfurt", {"eu"}, {50.1109, 8.6821}, ""};
const Region kVirginia{RegionId("us-east"), "Virginia", {"us"}, {38.9072, -77.0369}, ""};
const Region kFiji{RegionId("fj"), "Fiji", {}, {-17.8, 178.0}, ""};
const Region kSamoa{RegionId("ws"), "Samoa", {}, {-13.8, -172.1}, ""};

TEST(Region, distances_are_those_of_the_globe) {
  EXPECT_NEAR(distance_km(kLondon.coordinates, kFrankfurt.coordinates), 638, 3);
  EXPECT_NEAR(distance_km(kLondon.coordinates, kVirginia.coordinates), 5900, 15);
  EXPECT_NEAR(distance_km({0, 0}, {0, 180}), 20015, 1);
  EXPECT_NEAR(distance_km({90, 0}, {-90, 77}), 20015, 1);
  EXPECT_DOUBLE_EQ(distance_km(kLondon.coordinates, kLondon.coordinates), 0);
}

TEST(Region, distances_cross_the_date_line) {
  EXPECT_NEAR(distance_km(kFiji.coordinates, kSamoa.coordinates), 1140, 30);
}

TEST(Region, nearest_first_orders_what_is_wanted) {
  const std::vector<Region> regions{kFrankfurt, kVirginia, kLondon};
  const RegionSet all{kFrankfurt.id, kVirginia.id, kLondon.id};
  EXPECT_THAT(nearest_first(regions, all, kLondon.id),
              testing::ElementsAre(kLondon.id, kFrankfurt.id, kVirginia.id));
  EXPECT_THAT(nearest_first(regions, all, kVirginia.id),
              testing::ElementsAre(kVirginia.id, kLondon.id, kFrankfurt.id));
  EXPECT_THAT(nearest_first(regions, {kFrankfurt.id, kVirginia.id}, kLondon.id),
              testing::ElementsAre(kFrankfurt.id, kVirginia.id));
}

TEST(Region, nearest_first_puts_the_origin_before_its_twin) {
  Region twin = kLondon;
  twin.id = RegionId("a-twin");
  const std::vector<Region> regions{twin, kLondon};
  EXPECT_THAT(nearest_first(regions, {twin.id, kLondon.id}, kLondon.id),
              testing::ElementsAre(kLondon.id, twin.id));
}

TEST(Region, nearest_first_from_nowhere_is_in_id_order) {
  const std::vector<Region> regions{kVirginia, kLondon, kFrankfurt};
  EXPECT_THAT(nearest_first(regions, {kVirginia.id, kLondon.id, kFrankfurt.id}, RegionId("mars")),
              testing::ElementsAre(kFrankfurt.id, kLondon.id, kVirginia.id));
}

TEST(Region, a_wanted_region_that_does_not_exist_is_left_out) {
  const std::vector<Region> regions{kLondon};
  EXPECT_THAT(nearest_first(regions, {RegionId("mars")}, kLondon.id), testing::IsEmpty());
}

}  // namespace
}  // namespace meridian::residency
