// What a burst of a video frame costs that goes to many: system calls and copies of the payload,
// exactly. Time is the business of bench/.
#include <malloc.h>
#include <vector>

#include <gtest/gtest.h>

#include "packet_path/interposed.hpp"
#include "support/socket_bed.hpp"

namespace meridian::test {
namespace {

using forward::test::PacketBytes;
using forward::test::token;
using Sample = forward::test::Meeting;

constexpr std::size_t kSubscribers = 100;
constexpr std::size_t kBurst = 8;
constexpr std::size_t kPacketSize = 1200;

io::UdpSocket open_socket() {
  auto opened = io::UdpSocket::open({IpAddress::v4({127, 0, 0, 1}), 0});
  MERIDIAN_CHECK(opened);
  return std::move(*opened);
}

/// One publisher of video and many subscribers on one worker. Nobody reads the subscribers' socket.
class FanOut : public testing::Test {
 protected:
  FanOut() {
    bed_.bed.command(0, forward::Publish{.publication = Sample::kCamera,
                                         .transport = publisher_.id,
                                         .room = RoomNumber(1),
                                         .kind = rtp::MediaKind::kVideo});
    bed_.bed.command(0, Sample::configuration(publisher_.id, {}));
    for (std::uint32_t i = 0; i < kSubscribers; ++i) {
      sinks_.push_back(open_socket());
      const SocketBed::Client& client = bed_.join(0, sinks_.back().local());
      bed_.bed.command(0, subscription(client, i + 1));
      last_ = &client;
    }
    bed_.start();
  }

  static forward::Subscribe subscription(const SocketBed::Client& client, std::uint32_t number) {
    return {.subscription = SubscriptionId(number),
            .publication = Sample::kCamera,
            .transport = client.id,
            .mid = token("1"),
            .ssrc = Ssrc(10'000 + number),
            .rtx_ssrc = Ssrc(20'000 + number),
            .codecs = {forward::test::vp8(102)},
            .extensions = forward::test::extension_ids(),
            .target = {}};
  }

  void publish_frame() {
    for (std::size_t i = 0; i < kBurst; ++i) {
      const auto number = static_cast<std::uint16_t>(frame_ * kBurst + i);
      const forward::test::RtpFields fields{
          .ssrc = 200,
          .sequence = number,
          .timestamp = frame_ * 3000U,
          .payload_type = Sample::kVp8,
          .marker = i + 1 == kBurst,
          .extensions = {
              {1, forward::test::text("1")},
              {5, {static_cast<std::uint8_t>(number >> 8U), static_cast<std::uint8_t>(number)}}}};
      PacketBytes payload =
          forward::test::vp8_payload({.is_key = frame_ == 0,
                                      .starts = i == 0,
                                      .picture_id = static_cast<std::uint16_t>(frame_),
                                      .tl0 = static_cast<std::uint8_t>(frame_)});
      const std::size_t headers = forward::test::rtp_packet(fields, payload).size();
      payload.resize(payload.size() + kPacketSize - headers, 0x5a);
      publisher_.peer->send_rtp(forward::test::rtp_packet(fields, payload));
    }
    bed_.send(publisher_, publisher_socket_);
    ++frame_;
  }

  /// The calls of the turn that forwards one frame.
  CountedCalls forward_frame() {
    publish_frame();
    reset_calls();
    {
      const Watch watch;
      bed_.turn(0);
    }
    (void)bed_.bed.worker(0).take_events();
    return counted_calls();
  }

  [[nodiscard]] std::uint64_t forwarded() {
    return bed_.bed.counters(0).out(metrics::Traffic::kRtpVideo).packets.value();
  }

  SocketBed bed_{1};
  io::UdpSocket publisher_socket_ = open_socket();
  SocketBed::Client& publisher_ = bed_.join(0, publisher_socket_.local());
  std::vector<io::UdpSocket> sinks_;
  const SocketBed::Client* last_ = nullptr;
  std::uint32_t frame_ = 0;
};

TEST_F(FanOut, a_burst_takes_one_system_call_for_16_subscribers) {
  constexpr std::size_t kTogether = transport::SendBatch::kWarm / kBurst;
  constexpr std::uint64_t kSends = (kSubscribers + kTogether - 1) / kTogether;
  forward_frame();  // the streams start
  for (int frame = 0; frame < 50; ++frame) {
    const std::uint64_t before = forwarded();
    const CountedCalls calls = forward_frame();
    ASSERT_EQ(forwarded() - before, kSubscribers * kBurst);
    EXPECT_EQ(calls.receives, 1U);
    EXPECT_EQ(calls.sends, kSends);
    EXPECT_LE(16 * (calls.sends + calls.receives), kSubscribers * kBurst);
  }
  const io::IoCounters& counters = bed_.io_counters(0);
  EXPECT_EQ(counters.sends_split.value(), 0U);
  EXPECT_GE(counters.segments_sent.value(), 50 * kSubscribers * kBurst);
}

/// Bytes of the heap that are in use.
std::size_t used_memory() {
  const struct mallinfo2 heap = ::mallinfo2();
  return heap.uordblks + heap.hblkhd;
}

TEST_F(FanOut, a_further_subscription_takes_at_most_8_kb) {
  constexpr std::uint32_t kMore = 100;
  const std::size_t before = used_memory();
  for (std::uint32_t i = 0; i < kMore; ++i) {
    bed_.bed.command(0, subscription(*last_, kSubscribers + 1 + i));
  }
  EXPECT_EQ(bed_.bed.counters(0).subscriptions.value(), kSubscribers + kMore);
  EXPECT_LE(used_memory() - before, std::size_t{kMore} * 8 * 1024);
}

TEST_F(FanOut, a_payload_is_copied_once_into_the_history_and_once_for_each_subscriber) {
#ifndef __x86_64__
  GTEST_SKIP() << "copies are counted on x86-64 only";
#endif
  forward_frame();
  for (int frame = 0; frame < 50; ++frame) {
    EXPECT_EQ(forward_frame().large_copies, kBurst + kSubscribers * kBurst);
  }
}

}  // namespace
}  // namespace meridian::test
