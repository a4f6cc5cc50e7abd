#include "base/mailbox.hpp"

#include <array>
#include <memory>
#include <thread>

#include <gtest/gtest.h>

namespace meridian::base {
namespace {

using Push = Mailbox<int>::Push;

TEST(Mailbox, drains_in_order_of_arrival) {
  Mailbox<int> mailbox(10);
  EXPECT_TRUE(mailbox.empty());
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(mailbox.push(i), i == 0 ? Push::kFirst : Push::kQueued);
  }
  EXPECT_EQ(mailbox.drain(), (std::vector<int>{0, 1, 2, 3, 4}));
  EXPECT_TRUE(mailbox.empty());
  EXPECT_TRUE(mailbox.drain().empty());
}

TEST(Mailbox, asks_for_a_wake_up_again_after_each_drain) {
  Mailbox<int> mailbox(10);
  EXPECT_EQ(mailbox.push(1), Push::kFirst);
  (void)mailbox.drain();
  EXPECT_EQ(mailbox.push(2), Push::kFirst);
}

TEST(Mailbox, refuses_more_than_its_limit_until_it_is_drained) {
  Mailbox<int> mailbox(2);
  EXPECT_NE(mailbox.push(1), Push::kFull);
  EXPECT_NE(mailbox.push(2), Push::kFull);
  EXPECT_EQ(mailbox.push(3), Push::kFull);
  EXPECT_EQ(mailbox.drain().size(), 2U);
  EXPECT_NE(mailbox.push(4), Push::kFull);
}

TEST(Mailbox, carries_move_only_messages_and_frees_what_is_left) {
  Mailbox<std::unique_ptr<int>> mailbox(4);
  (void)mailbox.push(std::make_unique<int>(1));
  auto messages = mailbox.drain();
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(*messages[0], 1);
  (void)mailbox.push(std::make_unique<int>(2));  // freed by the destructor: the leak checker sees
}

TEST(Mailbox, keeps_the_order_of_each_of_many_producers) {
  constexpr int kProducers = 4;
  constexpr int kCount = 20'000;
  Mailbox<std::pair<int, int>> mailbox(std::size_t{kProducers} * kCount);
  std::vector<std::thread> producers;
  for (int producer = 0; producer < kProducers; ++producer) {
    producers.emplace_back([&mailbox, producer] {
      for (int i = 0; i < kCount; ++i) {
        (void)mailbox.push({producer, i});
      }
    });
  }
  std::array<int, kProducers> next{};
  int received = 0;
  int wrong = 0;
  while (received < kProducers * kCount) {
    for (const auto& [producer, i] : mailbox.drain()) {
      wrong += next[static_cast<std::size_t>(producer)]++ != i ? 1 : 0;
      ++received;
    }
  }
  for (auto& thread : producers) {
    thread.join();
  }
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace meridian::base
