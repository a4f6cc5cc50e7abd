#include "base/strong.hpp"

#include <concepts>
#include <unordered_set>

#include <gtest/gtest.h>

#include "base/ids.hpp"
#include "base/rtp_types.hpp"

namespace meridian::base {
namespace {

static_assert(!std::convertible_to<std::uint32_t, Ssrc>);
static_assert(!std::convertible_to<Ssrc, std::uint32_t>);
static_assert(!std::constructible_from<Ssrc, RtpTimestamp>);
static_assert(!std::equality_comparable_with<Ssrc, RtpTimestamp>);
static_assert(!std::constructible_from<RegionId, AccountId>);
static_assert(!std::convertible_to<std::string, RegionId>);

TEST(StrongInt, compares_and_hashes_by_value) {
  EXPECT_EQ(Ssrc(5), Ssrc(5));
  EXPECT_LT(PolicyEpoch(5), PolicyEpoch(6));
  EXPECT_EQ(Ssrc().value(), 0U);
  const std::unordered_set<Ssrc> set{Ssrc(1), Ssrc(2), Ssrc(1)};
  EXPECT_EQ(set.size(), 2U);
}

TEST(StrongString, compares_and_hashes_by_value) {
  EXPECT_EQ(RegionId("uk-london"), RegionId("uk-london"));
  EXPECT_NE(RegionId("uk-london"), RegionId("fr-paris"));
  EXPECT_TRUE(RegionId().empty());
  const std::unordered_set<RegionId> set{RegionId("a"), RegionId("b"), RegionId("a")};
  EXPECT_EQ(set.size(), 2U);
}

}  // namespace
}  // namespace meridian::base
