#include "io/peer_order.hpp"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace meridian::io {
namespace {

using Datagram = transport::OutboundDatagram;

Datagram datagram(std::uint32_t transport, std::uint8_t socket = 0) {
  return {
      .to = {}, .socket = socket, .transport = TransportId(transport), .received = {}, .bytes = {}};
}

/// Positions in the batch, in the order given.
std::vector<std::size_t> arranged(PeerOrder& order, const std::vector<Datagram>& batch) {
  std::vector<std::size_t> positions;
  for (const Datagram* one : order.arrange(batch)) {
    positions.push_back(static_cast<std::size_t>(one - batch.data()));
  }
  return positions;
}

TEST(PeerOrder, brings_together_what_goes_to_one_peer) {
  PeerOrder order;
  const std::vector batch = {datagram(7), datagram(8), datagram(7), datagram(9), datagram(8)};
  EXPECT_EQ(arranged(order, batch), (std::vector<std::size_t>{0, 2, 1, 4, 3}));
}

TEST(PeerOrder, leaves_an_order_that_is_right) {
  PeerOrder order;
  const std::vector batch = {datagram(1), datagram(1), datagram(2), datagram(2)};
  EXPECT_EQ(arranged(order, batch), (std::vector<std::size_t>{0, 1, 2, 3}));
}

TEST(PeerOrder, keeps_sockets_apart) {
  PeerOrder order;
  const std::vector batch = {datagram(1, 0), datagram(1, 1), datagram(1, 0)};
  EXPECT_EQ(arranged(order, batch), (std::vector<std::size_t>{0, 2, 1}));
}

TEST(PeerOrder, an_empty_batch_has_an_empty_order) {
  PeerOrder order;
  EXPECT_TRUE(order.arrange({}).empty());
}

TEST(PeerOrder, any_batch_keeps_all_datagrams_and_the_order_of_each_peer) {
  Rng rng(3);
  PeerOrder order;
  for (int round = 0; round < 200; ++round) {
    const auto peers = 1 + rng.below(PeerOrder::kMaxDatagrams);
    std::vector<Datagram> batch;
    for (std::size_t i = rng.below(PeerOrder::kMaxDatagrams + 1); i > 0; --i) {
      // Ids that share their low bits collide in the table.
      batch.push_back(datagram(static_cast<std::uint32_t>(rng.below(peers)) << 20U));
    }
    std::vector<bool> seen(batch.size());
    std::vector<std::uint32_t> ended;
    const Datagram* last = nullptr;
    for (const Datagram* one : order.arrange(batch)) {
      const auto position = static_cast<std::size_t>(one - batch.data());
      ASSERT_FALSE(seen[position]);
      seen[position] = true;
      if (last != nullptr && last->transport == one->transport) {
        ASSERT_LT(last, one);
      } else if (last != nullptr) {
        ended.push_back(last->transport.value());
      }
      last = one;
    }
    ASSERT_EQ(std::ranges::count(seen, true), std::ssize(batch));
    std::ranges::sort(ended);
    ASSERT_EQ(std::ranges::adjacent_find(ended), ended.end()) << "a peer came twice";
  }
}

}  // namespace
}  // namespace meridian::io
