#include "io/send_call.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace meridian::io {
namespace {

using Grouping = SendCall::Grouping;

SocketAddress peer(std::uint8_t number) {
  return {IpAddress::v4({10, 0, 0, number}), 4000};
}

/// Segments of each message after datagrams of these sizes to one peer.
std::vector<std::size_t> grouped(const std::vector<std::size_t>& sizes,
                                 Grouping grouping = Grouping::kSegments) {
  static const std::vector<std::uint8_t> kBytes(SendCall::kMaxMessageSize + 1);
  SendCall call;
  call.reset(grouping);
  for (const std::size_t size : sizes) {
    EXPECT_TRUE(call.add(peer(1), Bytes(kBytes).first(size)));
  }
  std::vector<std::size_t> result;
  for (std::size_t i = 0; i < call.message_count(); ++i) {
    result.push_back(call.segments(i));
  }
  return result;
}

using Segments = std::vector<std::size_t>;

TEST(SendCall, one_size_makes_one_message) {
  EXPECT_EQ(grouped(Segments(8, 1216)), (Segments{8}));
}

TEST(SendCall, the_last_of_a_message_may_be_shorter) {
  EXPECT_EQ(grouped({1216, 1216, 700, 700, 1216}), (Segments{3, 1, 1}));
}

TEST(SendCall, a_longer_one_begins_a_message) {
  EXPECT_EQ(grouped({700, 1216, 1216}), (Segments{1, 2}));
}

TEST(SendCall, an_empty_datagram_stays_alone) {
  EXPECT_EQ(grouped({10, 0, 10}), (Segments{1, 1, 1}));
}

TEST(SendCall, without_segmentation_each_datagram_is_a_message) {
  EXPECT_EQ(grouped({5, 5, 5}, Grouping::kSingle), (Segments{1, 1, 1}));
}

TEST(SendCall, a_message_holds_what_the_kernel_takes) {
  EXPECT_EQ(grouped(Segments(70, 100)), (Segments{64, 6}));
  EXPECT_EQ(grouped(Segments(3, 30'000)), (Segments{2, 1}));
}

TEST(SendCall, other_peers_get_messages_of_their_own) {
  const std::vector<std::uint8_t> bytes(100);
  SendCall call;
  call.reset(Grouping::kSegments);
  for (const std::uint8_t to : std::initializer_list<std::uint8_t>{1, 1, 2, 2, 2, 1}) {
    ASSERT_TRUE(call.add(peer(to), bytes));
  }
  ASSERT_EQ(call.message_count(), 3U);
  EXPECT_EQ(call.segments(0), 2U);
  EXPECT_EQ(call.segments(1), 3U);
  EXPECT_EQ(call.segments(2), 1U);
}

TEST(SendCall, is_full_at_its_limits) {
  const std::vector<std::uint8_t> bytes(10);
  SendCall call;
  call.reset(Grouping::kSingle);
  for (std::size_t i = 0; i < SendCall::kMaxMessages; ++i) {
    ASSERT_TRUE(call.add(peer(1), bytes));
  }
  EXPECT_FALSE(call.add(peer(1), bytes));
  EXPECT_EQ(call.datagram_count(), SendCall::kMaxMessages);

  call.reset(Grouping::kSegments);
  for (std::size_t i = 0; i < SendCall::kMaxDatagrams; ++i) {
    ASSERT_TRUE(call.add(peer(1), bytes));
  }
  EXPECT_FALSE(call.add(peer(1), bytes));
}

TEST(SendCall, is_empty_after_a_reset) {
  const std::vector<std::uint8_t> bytes(10);
  SendCall call;
  call.reset(Grouping::kSegments);
  ASSERT_TRUE(call.add(peer(1), bytes));
  call.reset(Grouping::kSegments);
  EXPECT_EQ(call.message_count(), 0U);
  EXPECT_EQ(call.datagram_count(), 0U);
}

}  // namespace
}  // namespace meridian::io
