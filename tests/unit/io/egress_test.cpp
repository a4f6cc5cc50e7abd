// The last gate before the socket, over loopback sockets; a full send buffer is made in a network
// namespace where the neighbour doesn't answer.
#include "io/egress.hpp"

#include <cstdlib>
#include <deque>
#include <functional>
#include <optional>
#include <poll.h>
#include <sched.h>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "io/clock.hpp"

namespace meridian::io {
namespace {

struct Permissions {
  std::set<std::uint32_t> forbidden;
  std::size_t asked = 0;
  std::size_t sent = 0;
  std::uint64_t bytes = 0;
  static bool may_send(void* self, TransportId transport, Instant) {
    auto& permissions = *static_cast<Permissions*>(self);
    ++permissions.asked;
    return !permissions.forbidden.contains(transport.value());
  }
  static void handle_sent(void* self, TransportId, Bytes datagram) {
    auto& permissions = *static_cast<Permissions*>(self);
    ++permissions.sent;
    permissions.bytes += datagram.size();
  }
};

class EgressTest : public testing::Test {
 protected:
  EgressTest() {
    sockets_.push_back(std::move(*UdpSocket::open({IpAddress::v4({127, 0, 0, 1}), 0})));
    receiver_.emplace(std::move(*UdpSocket::open({IpAddress::v4({127, 0, 0, 1}), 0})));
    egress_.emplace(sockets_,
                    SendGate{&Permissions::may_send, &Permissions::handle_sent, &permissions_},
                    worker_counters_, counters_);
  }

  transport::OutboundDatagram datagram(std::uint32_t transport, std::uint8_t socket = 0) {
    payloads_.emplace_back(100, static_cast<std::uint8_t>(transport));
    return {.to = receiver_->local(),
            .socket = socket,
            .transport = TransportId(transport),
            .received = Instant::never(),
            .bytes = payloads_.back()};
  }

  std::vector<std::uint8_t> first_bytes_received(std::size_t count) {
    std::vector<std::uint8_t> result;
    ReceiveBatch batch;
    while (result.size() < count) {
      pollfd waited{.fd = receiver_->descriptor(), .events = POLLIN, .revents = 0};
      if (::poll(&waited, 1, 5000) != 1) {
        break;
      }
      receiver_->receive(batch, now());
      for (const auto& received : batch.datagrams()) {
        result.push_back(received.bytes[0]);
      }
    }
    return result;
  }

  std::vector<UdpSocket> sockets_;
  std::optional<UdpSocket> receiver_;
  Permissions permissions_;
  metrics::WorkerCounters worker_counters_;
  IoCounters counters_;
  std::optional<Egress> egress_;
  std::deque<std::vector<std::uint8_t>> payloads_;
};

TEST_F(EgressTest, sends_what_may_be_sent_in_order_and_counts_the_rest) {
  permissions_.forbidden = {2};
  const std::vector batch = {datagram(1), datagram(2), datagram(3)};
  egress_->send(batch);
  EXPECT_EQ(first_bytes_received(2), (std::vector<std::uint8_t>{1, 3}));
  EXPECT_EQ(counters_.sends_forbidden.value(), 1U);
  EXPECT_EQ(permissions_.asked, 3U);
}

TEST_F(EgressTest, gives_what_no_udp_socket_has_to_the_streams) {
  std::vector<std::uint8_t> streamed;
  const std::vector batch = {datagram(1), datagram(2, 2), datagram(3, 3), datagram(4)};
  egress_->send(batch);
  EXPECT_EQ(counters_.sends_refused.value(), 2U) << "there are none";
  egress_->set_streams({[](void* to, const transport::OutboundDatagram& one) {
                          static_cast<std::vector<std::uint8_t>*>(to)->push_back(one.socket);
                        },
                        &streamed});
  egress_->send(batch);
  EXPECT_EQ(streamed, (std::vector<std::uint8_t>{2, 3}));
  EXPECT_EQ(first_bytes_received(4), (std::vector<std::uint8_t>{1, 4, 1, 4}));
}

TEST_F(EgressTest, asks_for_each_datagram_of_a_batch_of_several_calls) {
  std::vector<transport::OutboundDatagram> batch;
  for (std::uint32_t i = 0; i < 200; ++i) {
    batch.push_back(datagram(i));
  }
  egress_->send(batch);
  EXPECT_EQ(permissions_.asked, 200U);
  EXPECT_EQ(first_bytes_received(200).size(), 200U);
}

TEST_F(EgressTest, tells_of_what_was_handed_to_the_network_and_of_nothing_else) {
  permissions_.forbidden = {2};
  auto refused = datagram(3);
  refused.to.port = 0;  // nobody can be there
  const std::vector batch = {datagram(1), datagram(2), refused, datagram(4)};
  egress_->send(batch);
  EXPECT_EQ(permissions_.sent, 2U);
  EXPECT_EQ(permissions_.bytes, 200U);
  EXPECT_EQ(egress_->handed_over(0), 200U);
  EXPECT_EQ(counters_.sends_refused.value(), 1U);
  EXPECT_EQ(first_bytes_received(2), (std::vector<std::uint8_t>{1, 4}));
}

TEST_F(EgressTest, records_how_long_forwarded_packets_were_in_the_node) {
  auto forwarded = datagram(1);
  forwarded.received = monotonic_now() - 3ms;
  const std::vector batch = {forwarded, datagram(2)};
  egress_->send(batch);
  std::uint64_t recorded = 0;
  for (std::size_t i = 0; i <= metrics::LatencyHistogram::kBounds.size(); ++i) {
    recorded += worker_counters_.forward_latency.count(i);
  }
  EXPECT_EQ(recorded, 1U);
  EXPECT_GE(worker_counters_.forward_latency.sum(), 3ms);
}

TEST_F(EgressTest, bursts_that_come_mixed_leave_sorted_in_one_call) {
  std::vector<transport::OutboundDatagram> batch;
  for (int i = 0; i < 8; ++i) {
    for (std::uint32_t peer = 1; peer <= 5; ++peer) {
      batch.push_back(datagram(peer));
    }
  }
  egress_->send(batch);
  EXPECT_EQ(counters_.send_calls.value(), 1U);
  EXPECT_EQ(permissions_.asked, 5U);
  EXPECT_EQ(permissions_.sent, 40U);
  std::vector<std::uint8_t> expected;
  for (std::uint8_t peer = 1; peer <= 5; ++peer) {
    expected.insert(expected.end(), 8, peer);
  }
  EXPECT_EQ(first_bytes_received(40), expected);
  EXPECT_EQ(counters_.segments_sent.value(), 40U);
  EXPECT_EQ(counters_.messages_sent.value(), 1U);
}

TEST_F(EgressTest, asks_again_for_what_a_call_did_not_come_to) {
  auto refused = datagram(1);
  refused.to.port = 0;
  permissions_.forbidden = {3};
  const std::vector batch = {refused, datagram(2), datagram(3), datagram(4)};
  egress_->send(batch);
  EXPECT_EQ(permissions_.asked, 7U);  // four before the first call, three before the second
  EXPECT_EQ(counters_.sends_forbidden.value(), 1U);
  EXPECT_EQ(permissions_.sent, 2U);
  EXPECT_EQ(first_bytes_received(2), (std::vector<std::uint8_t>{2, 4}));
}

TEST_F(EgressTest, counts_datagrams_for_a_socket_that_does_not_exist) {
  const std::vector batch = {datagram(1, 1)};
  egress_->send(batch);
  EXPECT_EQ(counters_.sends_refused.value(), 1U);
}

/// A network of this thread alone, where the way to 10.9.0.99 isn't known yet: what is sent there
/// stays with the socket until resolve(). Needs root and the command ip.
class LonelyNetwork {
 public:
  [[nodiscard]] static bool enter() {
    return ::unshare(CLONE_NEWNET) == 0 &&
           run("ip link add here type veth peer name there && ip addr add 10.9.0.1/24 dev here && "
               "ip link set here up && ip link set there up");
  }
  [[nodiscard]] static bool resolve() {
    return run("ip neigh replace 10.9.0.99 lladdr 02:00:00:00:00:01 dev here");
  }

 private:
  static bool run(const std::string& command) {
    return std::system((command + " 2>/dev/null").c_str()) == 0;
  }
};

/// In a thread of its own, which takes its network with it.
void a_full_socket(bool& has_run) {
  if (!LonelyNetwork::enter()) {
    return;
  }
  has_run = true;
  std::vector<UdpSocket> sockets;
  sockets.push_back(std::move(*UdpSocket::open({IpAddress::v4({10, 9, 0, 1}), 0})));
  const int least = 4000;
  ::setsockopt(sockets[0].descriptor(), SOL_SOCKET, SO_SNDBUF, &least, sizeof least);
  Permissions permissions;
  metrics::WorkerCounters worker_counters;
  IoCounters counters;
  Egress egress(sockets, {&Permissions::may_send, &Permissions::handle_sent, &permissions},
                worker_counters, counters);
  constexpr std::uint32_t kPeers = 10;
  constexpr std::uint32_t kEach = 20;
  std::vector<std::uint8_t> bytes(1200, 1);
  std::vector<transport::OutboundDatagram> batch;
  for (std::uint32_t i = 0; i < kPeers * kEach; ++i) {
    batch.push_back({.to = {IpAddress::v4({10, 9, 0, 99}), 5000},
                     .socket = 0,
                     .transport = TransportId(1 + i / kEach),
                     .received = Instant::never(),
                     .bytes = bytes});
  }
  egress.send(batch);
  ASSERT_TRUE(egress.has_backlog(0));
  ASSERT_LT(permissions.sent, (kPeers - 1) * kEach);
  EXPECT_EQ(counters.sends_delayed.value(), batch.size() - permissions.sent);

  permissions.forbidden = {kPeers};  // meanwhile
  ASSERT_TRUE(LonelyNetwork::resolve());
  while (egress.has_backlog(0)) {
    pollfd waited{.fd = sockets[0].descriptor(), .events = POLLOUT, .revents = 0};
    ASSERT_EQ(::poll(&waited, 1, 5000), 1);
    egress.handle_writable(0);
  }
  EXPECT_EQ(permissions.sent, (kPeers - 1) * kEach);
  EXPECT_EQ(counters.sends_forbidden.value(), kEach);
  EXPECT_EQ(counters.sends_lost.value() + counters.sends_refused.value(), 0U);
  EXPECT_LT(counters.send_calls.value(), batch.size() / 8);
}

TEST(Egress, what_a_full_socket_does_not_take_waits_and_is_checked_again) {
  bool has_run = false;
  std::thread(a_full_socket, std::ref(has_run)).join();
  if (!has_run) {
    GTEST_SKIP() << "needs root and network namespaces";
  }
}

}  // namespace
}  // namespace meridian::io
