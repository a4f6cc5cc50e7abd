#include "node/revoked_peers.hpp"

#include <gtest/gtest.h>

namespace meridian::node {
namespace {

const Instant kStart = Instant::from_origin(10s);

ice::Tuple tuple(std::uint16_t port) {
  return {.remote = {IpAddress::v4({198, 51, 100, 1}), port}, .socket = 0};
}

class RevokedPeersTest : public testing::Test {
 protected:
  std::vector<forward::StillSending> poll(Instant now) {
    std::vector<forward::Event> events;
    peers_.poll(now, events);
    std::vector<forward::StillSending> reports;
    for (const forward::Event& event : events) {
      reports.push_back(std::get<forward::StillSending>(event));
    }
    return reports;
  }
  RevokedPeers peers_;
};

TEST_F(RevokedPeersTest, counts_what_comes_from_any_tuple_of_a_transport_and_reports_totals) {
  peers_.add(TransportId(7), {tuple(1), tuple(2)}, kStart);
  EXPECT_TRUE(poll(kStart).empty());
  EXPECT_TRUE(peers_.take(tuple(1), 100));
  EXPECT_TRUE(peers_.take(tuple(2), 50));
  EXPECT_FALSE(peers_.take(tuple(3), 50));
  EXPECT_TRUE(poll(kStart + 500ms).empty());  // not yet
  auto reports = poll(kStart + 1s);
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].transport, TransportId(7));
  EXPECT_EQ(reports[0].datagrams, 2U);
  EXPECT_EQ(reports[0].bytes, 150U);
  EXPECT_TRUE(poll(kStart + 2s).empty());
  EXPECT_TRUE(peers_.take(tuple(1), 1));
  reports = poll(kStart + 3s);
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].datagrams, 3U);
}

TEST_F(RevokedPeersTest, forgets_a_tuple_that_is_authenticated_anew) {
  peers_.add(TransportId(7), {tuple(1), tuple(2)}, kStart);
  peers_.forget(tuple(1));
  EXPECT_FALSE(peers_.take(tuple(1), 100));
  EXPECT_TRUE(peers_.take(tuple(2), 100));
}

TEST_F(RevokedPeersTest, forgets_everything_after_a_while) {
  peers_.add(TransportId(7), {tuple(1)}, kStart);
  (void)poll(kStart + RevokedPeers::kMemory - 1s);
  EXPECT_FALSE(peers_.empty());
  (void)poll(kStart + RevokedPeers::kMemory);
  EXPECT_TRUE(peers_.empty());
  EXPECT_FALSE(peers_.take(tuple(1), 100));
}

TEST_F(RevokedPeersTest, remembers_no_more_than_its_bound) {
  for (std::uint32_t i = 0; i < RevokedPeers::kMaxPeers + 5; ++i) {
    peers_.add(TransportId(i + 1),
               {{.remote = {IpAddress::v4({198, 51, 100, 1}), 9},
                 .socket = static_cast<std::uint8_t>(i % 2)}},
               kStart);
  }
  peers_.add(TransportId(100'000), {tuple(77)}, kStart);
  EXPECT_FALSE(peers_.take(tuple(77), 1));
}

}  // namespace
}  // namespace meridian::node
