#include "forward/ssrc_table.hpp"

#include <array>

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace meridian::forward {
namespace {

using Added = SsrcTable::Added;

TEST(SsrcTable, finds_what_was_added) {
  SsrcTable table;
  EXPECT_EQ(table.find(Ssrc(1)), nullptr);
  EXPECT_EQ(table.add(Ssrc(1), {.section = 3, .layer = 2, .is_retransmission = true}), Added::kNew);
  ASSERT_NE(table.find(Ssrc(1)), nullptr);
  EXPECT_EQ(table.find(Ssrc(1))->layer, 2);
  EXPECT_EQ(table.add(Ssrc(1), {.section = 3, .layer = 2, .is_retransmission = true}),
            Added::kKnown);
  EXPECT_EQ(table.ssrc_of({.section = 3, .layer = 2, .is_retransmission = true}), Ssrc(1));
  EXPECT_EQ(table.ssrc_of({.section = 3, .layer = 2, .is_retransmission = false}), std::nullopt);
}

TEST(SsrcTable, a_source_has_one_ssrc_at_a_time) {
  SsrcTable table;
  const Source source{.section = 0, .layer = 0, .is_retransmission = false};
  table.add(Ssrc(1), source);
  EXPECT_EQ(table.add(Ssrc(2), source), Added::kReplaced);
  EXPECT_EQ(table.find(Ssrc(1)), nullptr);
  EXPECT_EQ(table.ssrc_of(source), Ssrc(2));
  EXPECT_EQ(table.size(), 1U);
}

TEST(SsrcTable, has_a_limit) {
  SsrcTable table;
  Rng rng(7);
  for (std::size_t i = 0; i < SsrcTable::kMaxSources; ++i) {
    EXPECT_EQ(table.add(Ssrc(static_cast<std::uint32_t>(rng.next())),
                        {.section = static_cast<std::uint8_t>(i), .layer = 0}),
              Added::kNew);
  }
  EXPECT_EQ(table.add(Ssrc(5), {.section = 200, .layer = 0}), Added::kFull);
  EXPECT_EQ(table.find(Ssrc(5)), nullptr);
  // A new SSRC for a known source still has its place.
  EXPECT_EQ(table.add(Ssrc(6), {.section = 0, .layer = 0}), Added::kReplaced);
}

TEST(SsrcTable, sections_can_move_and_go) {
  SsrcTable table;
  table.add(Ssrc(1), {.section = 0, .layer = 0});
  table.add(Ssrc(2), {.section = 1, .layer = 1});
  const std::array<std::optional<std::uint8_t>, 2> indices = {std::nullopt, 0};
  table.renumber_sections(indices);
  EXPECT_EQ(table.find(Ssrc(1)), nullptr);
  ASSERT_NE(table.find(Ssrc(2)), nullptr);
  EXPECT_EQ(table.find(Ssrc(2))->section, 0);
}

}  // namespace
}  // namespace meridian::forward
