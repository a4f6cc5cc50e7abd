// Batches over real loopback sockets on ports that the system chooses. Reads wait with poll(2) for
// what the test itself sent, so nothing depends on timing.
#include "io/udp_socket.hpp"

#include <algorithm>
#include <poll.h>
#include <vector>

#include <gtest/gtest.h>

#include "io/clock.hpp"

namespace meridian::io {
namespace {

const IpAddress kLoopback = IpAddress::v4({127, 0, 0, 1});

UdpSocket open_loopback() {
  auto socket = UdpSocket::open({kLoopback, 0});
  EXPECT_TRUE(socket);
  return std::move(*socket);
}

void wait_readable(const UdpSocket& socket) {
  pollfd waited{.fd = socket.descriptor(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(::poll(&waited, 1, 5000), 1);
}

TEST(UdpSocket, binds_to_a_free_port_and_says_which) {
  const UdpSocket socket = open_loopback();
  EXPECT_EQ(socket.local().ip, kLoopback);
  EXPECT_NE(socket.local().port, 0);
}

TEST(UdpSocket, names_the_address_that_it_cannot_bind) {
  const UdpSocket first = open_loopback();
  const auto second = UdpSocket::open(first.local());
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find(first.local().to_string()), std::string::npos);
}

TEST(UdpSocket, sends_and_receives_through_the_device_that_it_is_bound_to) {
  auto from = UdpSocket::open({kLoopback, 0}, "lo");
  ASSERT_TRUE(from) << from.error().message;
  const UdpSocket to = open_loopback();
  std::array<char, 16> device{};
  socklen_t size = device.size();
  ASSERT_EQ(::getsockopt(from->descriptor(), SOL_SOCKET, SO_BINDTODEVICE, device.data(), &size), 0);
  EXPECT_STREQ(device.data(), "lo");
  constexpr std::array<std::uint8_t, 1> kByte = {7};
  const std::array<SendItem, 1> items = {SendItem{to.local(), kByte}};
  EXPECT_EQ(from->send(items).sent, 1U);
  wait_readable(to);
}

TEST(UdpSocket, names_the_device_that_it_cannot_bind) {
  const auto socket = UdpSocket::open({kLoopback, 0}, "no-such-device");
  ASSERT_FALSE(socket);
  EXPECT_NE(socket.error().message.find("no-such-device"), std::string::npos);
}

TEST(UdpSocket, carries_a_batch_with_senders_and_kernel_times) {
  UdpSocket from = open_loopback();
  UdpSocket to = open_loopback();
  std::vector<std::vector<std::uint8_t>> payloads;
  std::vector<SendItem> items;
  constexpr std::size_t kCount = 150;  // more than two calls' worth
  for (std::size_t i = 0; i < kCount; ++i) {
    payloads.emplace_back(i + 1, static_cast<std::uint8_t>(i));
  }
  for (const auto& payload : payloads) {
    items.push_back({to.local(), payload});
  }
  const Instant before = monotonic_now();
  const UdpSocket::Sent sent = from.send(items);
  EXPECT_EQ(sent.sent, kCount);
  EXPECT_EQ(sent.refused, 0U);

  ReceiveBatch batch;
  std::size_t received = 0;
  while (received < kCount) {
    wait_readable(to);
    to.receive(batch, now());
    for (const ReceivedDatagram& datagram : batch.datagrams()) {
      EXPECT_EQ(datagram.from, from.local());
      EXPECT_TRUE(std::ranges::equal(datagram.bytes, payloads[received]));
      // The two clocks are read one after the other, so allow for a pause between them.
      EXPECT_GE(datagram.received, before - 1s);
      EXPECT_LE(datagram.received, monotonic_now());
      ++received;
    }
  }
}

TEST(UdpSocket, drops_datagrams_that_are_longer_than_any_of_ours) {
  UdpSocket from = open_loopback();
  UdpSocket to = open_loopback();
  const std::vector<std::uint8_t> giant(ReceiveBatch::kMaxSize + 1, 7);
  const std::vector<std::uint8_t> fits(ReceiveBatch::kMaxSize, 8);
  const std::vector<SendItem> items = {{to.local(), giant}, {to.local(), fits}};
  EXPECT_EQ(from.send(items).sent, 2U);
  ReceiveBatch batch;
  std::size_t truncated = 0;
  std::size_t whole = 0;
  while (truncated + whole < 2) {
    wait_readable(to);
    truncated += to.receive(batch, now()).truncated;
    whole += batch.size();
  }
  EXPECT_EQ(truncated, 1U);
  EXPECT_EQ(batch.datagrams().back().bytes.size(), ReceiveBatch::kMaxSize);
}

TEST(UdpSocket, goes_on_behind_a_datagram_that_the_kernel_refuses) {
  UdpSocket from = open_loopback();
  UdpSocket to = open_loopback();
  const std::vector<std::uint8_t> payload(10, 1);
  const std::vector<std::uint8_t> too_long(70'000, 1);
  const std::vector<SendItem> items = {
      {to.local(), payload}, {to.local(), too_long}, {to.local(), payload}};
  const UdpSocket::Sent sent = from.send(items);
  EXPECT_EQ(sent.sent, 3U);
  EXPECT_EQ(sent.refused, 1U);
  EXPECT_FALSE(sent.would_block);
}

TEST(UdpSocket, a_burst_to_one_address_leaves_as_one_message_and_arrives_as_it_was) {
  UdpSocket from = open_loopback();
  UdpSocket to = open_loopback();
  if (from.grouping() != SendCall::Grouping::kSegments) {
    GTEST_SKIP() << "this kernel has no UDP_SEGMENT";
  }
  std::vector<std::vector<std::uint8_t>> payloads;
  for (std::size_t i = 0; i < 9; ++i) {
    payloads.emplace_back(i == 8 ? 500 : 1216, static_cast<std::uint8_t>(i));
  }
  SendCall call;
  call.reset(from.grouping());
  for (const auto& payload : payloads) {
    ASSERT_TRUE(call.add(to.local(), payload));
  }
  EXPECT_EQ(call.message_count(), 1U);
  const UdpSocket::Sent sent = from.send(call);
  EXPECT_EQ(sent.sent, payloads.size());
  EXPECT_EQ(sent.calls, 1U);
  EXPECT_FALSE(sent.was_split);

  ReceiveBatch batch;
  std::size_t received = 0;
  while (received < payloads.size()) {
    wait_readable(to);
    to.receive(batch, now());
    for (const ReceivedDatagram& datagram : batch.datagrams()) {
      EXPECT_TRUE(std::ranges::equal(datagram.bytes, payloads[received]));
      ++received;
    }
  }
}

TEST(UdpSocket, too_long_datagrams_of_a_burst_are_dropped_each_for_itself) {
  UdpSocket from = open_loopback();
  UdpSocket to = open_loopback();
  const std::vector<std::uint8_t> giant(ReceiveBatch::kMaxSize + 1, 7);
  const std::vector<std::uint8_t> last(100, 8);
  const std::vector<SendItem> items = {
      {to.local(), giant}, {to.local(), giant}, {to.local(), last}};
  EXPECT_EQ(from.send(items).sent, 3U);
  ReceiveBatch batch;
  std::size_t truncated = 0;
  std::size_t whole = 0;
  while (truncated + whole < 3) {
    wait_readable(to);
    truncated += to.receive(batch, now()).truncated;
    whole += batch.size();
  }
  EXPECT_EQ(truncated, 2U);
  EXPECT_TRUE(std::ranges::equal(batch.datagrams().back().bytes, last));
}

TEST(UdpSocket, sends_one_by_one_what_the_kernel_refuses_to_cut) {
  UdpSocket from = open_loopback();
  if (from.grouping() != SendCall::Grouping::kSegments) {
    GTEST_SKIP() << "this kernel has no UDP_SEGMENT";
  }
  // Larger than the path takes in one piece: refused as segments, sent in IP fragments otherwise.
  UdpSocket to = open_loopback();
  const std::vector<std::uint8_t> large(30'000, 1);
  SendCall call;
  call.reset(from.grouping());
  ASSERT_TRUE(call.add({to.local().ip, 0}, large));
  ASSERT_TRUE(call.add({to.local().ip, 0}, large));
  EXPECT_EQ(call.message_count(), 1U);
  const UdpSocket::Sent sent = from.send(call);  // port 0: nobody can be there
  EXPECT_TRUE(sent.was_split);
  EXPECT_EQ(sent.sent, 2U);
  EXPECT_EQ(sent.refused, 2U);
  EXPECT_EQ(sent.calls, 3U);
  EXPECT_TRUE(call.is_refused(0) && call.is_refused(1));
}

TEST(UdpSocket, an_empty_queue_gives_an_empty_batch) {
  UdpSocket socket = open_loopback();
  ReceiveBatch batch;
  EXPECT_EQ(socket.receive(batch, now()).count, 0U);
  EXPECT_TRUE(batch.datagrams().empty());
}

TEST(UdpSocket, serves_ipv6_when_the_host_has_it) {
  auto socket = UdpSocket::open({*IpAddress::parse("::1"), 0});
  if (!socket) {
    GTEST_SKIP() << "no IPv6 here: " << socket.error().message;
  }
  const std::vector<std::uint8_t> payload(3, 1);
  const SendItem item{socket->local(), payload};
  ASSERT_EQ(socket->send({&item, 1}).sent, 1U);
  wait_readable(*socket);
  ReceiveBatch batch;
  socket->receive(batch, now());
  ASSERT_EQ(batch.size(), 1U);
  EXPECT_EQ(batch.datagrams()[0].from, socket->local());
}

TEST(Clock, a_kernel_time_becomes_an_instant_by_its_age) {
  const Now at{Instant::from_origin(100s), UnixTime::from_seconds(1'000'000)};
  EXPECT_EQ(to_instant(at.wall + -5ms, at), at.monotonic - 5ms);
  EXPECT_EQ(to_instant(at.wall + 5ms, at), at.monotonic) << "from the future";
  EXPECT_EQ(to_instant(at.wall + -1h, at), at.monotonic) << "the wall clock was stepped";
}

TEST(OutboundAddress, towards_loopback_is_loopback) {
  EXPECT_EQ(outbound_address(kLoopback), kLoopback);
}

}  // namespace
}  // namespace meridian::io
