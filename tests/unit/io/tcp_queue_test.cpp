#include "io/tcp_queue.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace meridian::io {
namespace {

class TcpQueueTest : public testing::Test {
 protected:
  /// A packet of media: of the frame with that timestamp.
  static std::vector<std::uint8_t> media(std::uint8_t timestamp, std::size_t size = 100,
                                         std::uint8_t ssrc = 1) {
    std::vector<std::uint8_t> packet(size, 0);
    packet[0] = 0x80;
    packet[1] = 96;
    packet[7] = timestamp;
    packet[11] = ssrc;
    return packet;
  }
  static std::vector<std::uint8_t> stun() { return std::vector<std::uint8_t>(20, 0); }

  bool push(std::vector<std::uint8_t> packet) {
    return queue_.push({.to = {}, .transport = TransportId(7), .bytes = packet}, now_);
  }
  /// Writes everything; the timestamps of what was written, 0 for what isn't media.
  std::vector<int> drain(std::size_t limit = 4096) {
    std::vector<int> timestamps;
    while (true) {
      const Bytes next = queue_.next(limit);
      if (next.empty()) {
        return timestamps;
      }
      queue_.consume(next.size(), [&](const TcpQueue::Written& written) {
        EXPECT_EQ(written.transport, TransportId(7));
        timestamps.push_back(written.datagram[0] == 0x80 ? written.datagram[7] : 0);
      });
    }
  }

  TcpQueue queue_;
  Instant now_ = Instant::from_origin(10s);
};

TEST_F(TcpQueueTest, frames_packets_and_gives_them_in_one_piece) {
  EXPECT_TRUE(push(media(1, 300)));
  EXPECT_TRUE(push(stun()));
  const Bytes next = queue_.next(4096);
  ASSERT_EQ(next.size(), 302U + 22U);
  EXPECT_EQ(next[0], 1);
  EXPECT_EQ(next[1], 300 - 256);
  EXPECT_EQ(next[2], 0x80);
  EXPECT_EQ(next[302], 0);
  EXPECT_EQ(next[303], 20);
  EXPECT_EQ(queue_.next(310).size(), 302U) << "only whole packets beyond the first";
}

TEST_F(TcpQueueTest, goes_on_where_a_write_ended) {
  push(media(1));
  push(media(2));
  std::size_t written = 0;
  const auto count = [&](const TcpQueue::Written&) { ++written; };
  queue_.consume(50, count);
  EXPECT_EQ(written, 0U);
  EXPECT_EQ(queue_.next(4096).size(), 52U + 102U);
  queue_.consume(60, count);
  EXPECT_EQ(written, 1U);
  EXPECT_EQ(queue_.next(4096).size(), 94U);
}

TEST_F(TcpQueueTest, media_waits_for_200_ms_at_most) {
  push(media(1));
  now_ = now_ + TcpQueue::kMaxDelay;
  EXPECT_EQ(queue_.expire(now_), 0U);
  push(media(2));
  now_ = now_ + 1ms;
  EXPECT_EQ(queue_.expire(now_), 1U);
  EXPECT_EQ(drain(), (std::vector{2}));
}

TEST_F(TcpQueueTest, a_frame_goes_to_its_end) {
  push(media(1));
  now_ = now_ + 150ms;
  push(media(1));
  push(media(1, 100, 2));  // another source's
  push(media(2));
  now_ = now_ + 51ms;
  EXPECT_EQ(queue_.expire(now_), 2U);
  EXPECT_FALSE(push(media(1))) << "the rest of the frame";
  EXPECT_TRUE(push(media(3)));
  EXPECT_EQ(drain(), (std::vector{1, 2, 3}));
}

TEST_F(TcpQueueTest, what_is_no_media_waits) {
  push(stun());
  push(media(1));
  now_ = now_ + 5s;
  EXPECT_EQ(queue_.expire(now_), 1U);
  EXPECT_EQ(drain(), (std::vector{0}));
}

TEST_F(TcpQueueTest, a_packet_that_is_half_written_is_finished) {
  push(media(1));
  queue_.consume(10, [](const TcpQueue::Written&) {});
  now_ = now_ + 5s;
  push(media(2));
  EXPECT_EQ(queue_.expire(now_), 0U);
  EXPECT_EQ(drain(), (std::vector{1, 2}));
}

TEST_F(TcpQueueTest, has_room_for_so_much) {
  std::size_t taken = 0;
  while (push(media(static_cast<std::uint8_t>(taken % 200), 1400))) {
    ++taken;
  }
  EXPECT_GT(taken, TcpQueue::kBytes / 1500);
  EXPECT_LE(taken * 1402, TcpQueue::kBytes);
  EXPECT_EQ(drain().size(), taken);
  TcpQueue other;
  taken = 0;
  while (push(stun())) {
    ++taken;
  }
  EXPECT_EQ(taken, TcpQueue::kPackets);
}

TEST_F(TcpQueueTest, goes_round) {
  std::vector<int> seen;
  std::vector<int> expected;
  for (int i = 0; i < 3000; ++i) {
    const auto timestamp = static_cast<std::uint8_t>(1 + i % 250);
    ASSERT_TRUE(push(media(timestamp, 200 + static_cast<std::size_t>(i * 37 % 1200))));
    expected.push_back(timestamp);
    if (i % 90 == 0) {
      const auto drained = drain(2000);
      seen.insert(seen.end(), drained.begin(), drained.end());
    }
  }
  const auto drained = drain();
  seen.insert(seen.end(), drained.begin(), drained.end());
  EXPECT_EQ(seen, expected);
}

}  // namespace
}  // namespace meridian::io
