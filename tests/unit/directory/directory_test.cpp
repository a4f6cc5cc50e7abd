#include "directory/directory.hpp"

#include <gtest/gtest.h>

namespace meridian::directory {
namespace {

TEST(Directory, errors_have_the_names_that_clients_read) {
  EXPECT_EQ(name_of(PolicyError::kUnknownAccount), "unknown_account");
  EXPECT_EQ(name_of(PolicyError::kUnknownRegion), "unknown_region");
  EXPECT_EQ(name_of(PolicyError::kDefaultRegionLocked), "default_region_locked");
  EXPECT_EQ(name_of(PolicyError::kStaleEpoch), "stale_epoch");
}

}  // namespace
}  // namespace meridian::directory
