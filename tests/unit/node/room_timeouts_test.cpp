#include "node/room_timeouts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace meridian::node {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr RoomNumber kFirst(1);
constexpr RoomNumber kSecond(2);
constexpr RoomNumber kThird(3);

Instant at(std::int64_t seconds) {
  return Instant::from_origin(std::chrono::seconds(seconds));
}

TEST(RoomTimeouts, names_the_rooms_whose_time_has_come) {
  RoomTimeouts timeouts;
  EXPECT_TRUE(timeouts.next().is_never());
  timeouts.set(kFirst, at(30));
  timeouts.set(kSecond, at(10));
  timeouts.set(kThird, at(10));
  EXPECT_EQ(timeouts.next(), at(10));
  EXPECT_THAT(timeouts.due(at(9)), IsEmpty());
  EXPECT_THAT(timeouts.due(at(10)), ElementsAre(kSecond, kThird));
  EXPECT_THAT(timeouts.due(at(99)), ElementsAre(kSecond, kThird, kFirst));
}

TEST(RoomTimeouts, the_last_word_counts) {
  RoomTimeouts timeouts;
  timeouts.set(kFirst, at(30));
  timeouts.set(kFirst, at(20));
  EXPECT_THAT(timeouts.due(at(99)), ElementsAre(kFirst));
  EXPECT_EQ(timeouts.next(), at(20));
  timeouts.set(kFirst, Instant::never());
  timeouts.set(kSecond, at(5));
  timeouts.erase(kSecond);
  EXPECT_TRUE(timeouts.next().is_never());
  EXPECT_THAT(timeouts.due(at(99)), IsEmpty());
}

}  // namespace
}  // namespace meridian::node
