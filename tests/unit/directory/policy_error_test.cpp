#include "directory/policy_error.hpp"

#include <gtest/gtest.h>

#include "directory/policy_store.hpp"

namespace meridian::directory {
namespace {

TEST(PolicyError, errors_have_the_names_and_statuses_that_clients_read) {
  EXPECT_EQ(name_of(PolicyError::kUnknownAccount), "not_found");
  EXPECT_EQ(http_status(PolicyError::kUnknownAccount), 404U);
  EXPECT_EQ(name_of(PolicyError::kUnknownRegion), "unknown_region");
  EXPECT_EQ(http_status(PolicyError::kUnknownRegion), 422U);
  EXPECT_EQ(name_of(PolicyError::kDefaultRegionLocked), "default_region_locked");
  EXPECT_EQ(http_status(PolicyError::kDefaultRegionLocked), 409U);
  EXPECT_EQ(name_of(PolicyError::kStaleEpoch), "stale_epoch");
  EXPECT_EQ(http_status(PolicyError::kStaleEpoch), 412U);
  EXPECT_EQ(http_status(PolicyError::kOperatorCannotWiden), 403U);
  EXPECT_EQ(http_status(PolicyError::kUnavailable), 503U);
}

TEST(PolicyError, every_error_has_a_name_and_a_status_of_a_refusal) {
  for (unsigned i = 0; i <= static_cast<unsigned>(PolicyError::kUnavailable); ++i) {
    const auto error = static_cast<PolicyError>(i);
    EXPECT_FALSE(name_of(error).empty());
    EXPECT_GE(http_status(error), 400U);
  }
  EXPECT_EQ(name_of(ManagedBy::kFile), "file");
  EXPECT_EQ(name_of(ManagedBy::kStore), "store");
}

}  // namespace
}  // namespace meridian::directory
