// What the load client chooses by itself: sizes of pictures, and which datagrams are lost.
#include <gtest/gtest.h>

#include "support/layout.hpp"
#include "support/loss_draw.hpp"

namespace meridian::test {
namespace {

TEST(Layout, shows_the_first_large_and_the_others_small) {
  EXPECT_EQ(tile_size(Layout::kSpeaker, 0, 6), (TileSize{.width = 1280, .height = 720}));
  EXPECT_EQ(tile_size(Layout::kSpeaker, 1, 6), (TileSize{.width = 320, .height = 180}));
  EXPECT_EQ(tile_size(Layout::kSpeaker, 5, 6), (TileSize{.width = 320, .height = 180}));
}

TEST(Layout, fits_a_grid_of_equals_into_the_window) {
  EXPECT_EQ(tile_size(Layout::kGrid, 0, 1), (TileSize{.width = 1280, .height = 720}));
  EXPECT_EQ(tile_size(Layout::kGrid, 1, 2), (TileSize{.width = 640, .height = 360}));
  EXPECT_EQ(tile_size(Layout::kGrid, 0, 4), (TileSize{.width = 640, .height = 360}));
  EXPECT_EQ(tile_size(Layout::kGrid, 4, 5), (TileSize{.width = 426, .height = 240}));
  EXPECT_EQ(tile_size(Layout::kGrid, 9, 10), (TileSize{.width = 320, .height = 180}));
}

TEST(LossDraw, loses_the_share_that_was_asked_for) {
  constexpr int kDatagrams = 10'000;
  LossDraw draw(5, 7);
  int lost = 0;
  for (int i = 0; i < kDatagrams; ++i) {
    lost += draw.is_lost() ? 1 : 0;
  }
  EXPECT_NEAR(lost, kDatagrams / 20, 50);
}

TEST(LossDraw, loses_nothing_and_everything_at_the_ends) {
  LossDraw none(0, 1);
  LossDraw all(100, 1);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_FALSE(none.is_lost());
    EXPECT_TRUE(all.is_lost());
  }
}

TEST(LossDraw, loses_the_same_for_the_same_seed) {
  LossDraw first(30, 3);
  LossDraw same(30, 3);
  LossDraw other(30, 4);
  int differences = 0;
  for (int i = 0; i < 1000; ++i) {
    const bool is_lost = first.is_lost();
    EXPECT_EQ(is_lost, same.is_lost());
    differences += is_lost == other.is_lost() ? 0 : 1;
  }
  EXPECT_GT(differences, 100);
}

}  // namespace
}  // namespace meridian::test
