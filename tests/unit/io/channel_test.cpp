#include "io/channel.hpp"

#include <poll.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace meridian::io {
namespace {

using testing::ElementsAre;

bool is_woken(const Wakeup& wakeup) {
  pollfd waited{.fd = wakeup.descriptor(), .events = POLLIN, .revents = 0};
  return ::poll(&waited, 1, 0) == 1;
}

TEST(Channel, wakes_once_for_what_is_said_in_one_turn) {
  Wakeup wakeup;
  Channel<int> channel(3, wakeup);
  EXPECT_EQ(channel.queue(1), Channel<int>::Push::kQueued);
  EXPECT_EQ(channel.queue(2), Channel<int>::Push::kQueued);
  EXPECT_FALSE(is_woken(wakeup));
  EXPECT_EQ(channel.queue(3), Channel<int>::Push::kQueued);
  channel.wake();
  EXPECT_TRUE(is_woken(wakeup));
  EXPECT_EQ(channel.queue(4), Channel<int>::Push::kFull);
  wakeup.clear();
  EXPECT_THAT(channel.drain(), ElementsAre(1, 2, 3));
  EXPECT_FALSE(is_woken(wakeup));
}

TEST(Channel, a_single_message_wakes_whoever_sleeps) {
  Wakeup wakeup;
  Channel<int> channel(3, wakeup);
  EXPECT_EQ(channel.push(1), Channel<int>::Push::kQueued);
  EXPECT_TRUE(is_woken(wakeup));
  wakeup.clear();
  EXPECT_THAT(channel.drain(), ElementsAre(1));
  EXPECT_EQ(channel.push(2), Channel<int>::Push::kQueued);
  EXPECT_TRUE(is_woken(wakeup));
}

}  // namespace
}  // namespace meridian::io
