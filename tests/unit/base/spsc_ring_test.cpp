#include "base/spsc_ring.hpp"

#include <cstdint>
#include <thread>

#include <gtest/gtest.h>

namespace meridian::base {
namespace {

TEST(SpscRing, rounds_its_capacity_up_to_a_power_of_two) {
  EXPECT_EQ(SpscRing<int>(1).capacity(), 1U);
  EXPECT_EQ(SpscRing<int>(5).capacity(), 8U);
  EXPECT_EQ(SpscRing<int>(8).capacity(), 8U);
}

TEST(SpscRing, is_full_after_capacity_slots_and_frees_one_with_each_pop) {
  SpscRing<int> ring(4);
  for (int i = 0; i < 4; ++i) {
    int* slot = ring.claim();
    ASSERT_NE(slot, nullptr);
    *slot = i;
    ring.publish();
  }
  EXPECT_EQ(ring.claim(), nullptr);
  ASSERT_NE(ring.front(), nullptr);
  EXPECT_EQ(*ring.front(), 0);
  ring.pop();
  EXPECT_NE(ring.claim(), nullptr);
}

TEST(SpscRing, shows_what_stands_behind_the_oldest) {
  SpscRing<int> ring(4);
  for (int i = 0; i < 6; ++i) {  // round the end
    *ring.claim() = i;
    ring.publish();
    if (i < 3) {
      ASSERT_NE(ring.front(), nullptr);
      ring.pop();
    }
  }
  for (int i = 0; i < 3; ++i) {
    ASSERT_NE(ring.peek(static_cast<std::size_t>(i)), nullptr);
    EXPECT_EQ(*ring.peek(static_cast<std::size_t>(i)), 3 + i);
  }
  EXPECT_EQ(ring.peek(3), nullptr);
}

TEST(SpscRing, does_not_show_a_slot_before_it_is_published) {
  SpscRing<int> ring(2);
  EXPECT_EQ(ring.front(), nullptr);
  *ring.claim() = 7;
  EXPECT_EQ(ring.front(), nullptr);
  ring.publish();
  ASSERT_NE(ring.front(), nullptr);
  EXPECT_EQ(*ring.front(), 7);
}

TEST(SpscRing, hands_everything_over_in_order_between_two_threads) {
  constexpr std::uint64_t kCount = 200'000;
  SpscRing<std::uint64_t> ring(64);
  std::thread producer([&ring] {
    for (std::uint64_t i = 0; i < kCount;) {
      if (std::uint64_t* slot = ring.claim(); slot != nullptr) {
        *slot = i++;
        ring.publish();
      } else {
        std::this_thread::yield();
      }
    }
  });
  std::uint64_t wrong = 0;
  for (std::uint64_t i = 0; i < kCount;) {
    if (const std::uint64_t* slot = ring.front(); slot != nullptr) {
      wrong += *slot != i++ ? 1U : 0U;
      ring.pop();
    } else {
      std::this_thread::yield();
    }
  }
  producer.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(ring.front(), nullptr);
}

}  // namespace
}  // namespace meridian::base
