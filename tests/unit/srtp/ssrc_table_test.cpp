#include "srtp/ssrc_table.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace meridian::srtp {
namespace {

TEST(SsrcTable, finds_what_was_inserted_while_it_grows) {
  SsrcTable<int> table(1000);
  Rng rng(3);
  std::vector<Ssrc> ssrcs;
  for (int i = 0; i < 1000; ++i) {
    // Half of them in one run, as an attacker would choose them.
    const auto value =
        static_cast<std::uint32_t>(i % 2 == 0 ? rng.next() : 0x1000U * rng.below(1U << 20U));
    if (table.find(Ssrc(value)) != nullptr) {
      continue;
    }
    *table.insert(Ssrc(value)) = i;
    ssrcs.emplace_back(value);
    ASSERT_EQ(*table.find(Ssrc(value)), i);
  }
  EXPECT_EQ(table.size(), ssrcs.size());
  for (const Ssrc ssrc : ssrcs) {
    EXPECT_NE(table.find(ssrc), nullptr);
  }
}

TEST(SsrcTable, refuses_more_than_its_limit_but_keeps_the_known) {
  SsrcTable<int> table(4);
  for (std::uint32_t i = 0; i < 4; ++i) {
    ASSERT_NE(table.insert(Ssrc(i)), nullptr);
  }
  EXPECT_TRUE(table.is_full());
  EXPECT_EQ(table.insert(Ssrc(99)), nullptr);
  EXPECT_EQ(table.find(Ssrc(99)), nullptr);
  EXPECT_EQ(table.insert(Ssrc(2)), table.find(Ssrc(2)));
}

}  // namespace
}  // namespace meridian::srtp
