#include "metrics/drop_reason.hpp"

#include <set>
#include <string_view>

#include <gtest/gtest.h>

namespace meridian::metrics {
namespace {

TEST(DropReason, every_reason_has_a_name_of_its_own) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kDropReasonCount; ++i) {
    const std::string_view label = name(static_cast<DropReason>(i));
    EXPECT_FALSE(label.empty());
    EXPECT_TRUE(names.insert(label).second) << label;
  }
  EXPECT_EQ(name(DropReason::kPermitStale), "permit_stale");
  EXPECT_EQ(name(DropReason::kSrtpIndexReused), "srtp_index_reused");
  EXPECT_EQ(name(DropReason::kCount), "invalid");
}

}  // namespace
}  // namespace meridian::metrics
