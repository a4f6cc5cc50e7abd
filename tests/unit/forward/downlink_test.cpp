#include "forward/downlink.hpp"

#include <array>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "bwe/arrival_recorder.hpp"
#include "rtcp/compound_writer.hpp"

namespace meridian::forward {
namespace {

Instant at(Duration since) {
  return Instant::from_origin(since);
}

/// A receiver at the other end of a link with a rate: takes numbers, sends feedback as bytes.
struct Way {
  Downlink downlink;
  bwe::ArrivalRecorder receiver;
  Instant now = at(1s);
  double rate = 1e6;  // bit/s
  Duration delay = 20ms;
  Instant busy_until;

  void send(std::size_t size) {
    const SequenceNumber number = downlink.next_number();
    downlink.on_sent(size, Downlink::Copy::kFirst, Downlink::Numbered::kYes, bwe::kNoCluster, now);
    busy_until = std::max(busy_until, now) +
                 Duration(static_cast<Duration::rep>(static_cast<double>(size) * 8e9 / rate));
    receiver.on_packet(number, busy_until + delay);
  }
  /// What the receiver has to say reaches the sender one delay later.
  void tell() {
    std::array<std::uint8_t, 1200> buffer{};
    while (const auto report = receiver.poll(now)) {
      rtcp::CompoundWriter writer(buffer);
      rtcp::Arrivals arrivals{.base = report->base, .times = report->times};
      (void)writer.add_transport_feedback(Ssrc(1), Ssrc(2), report->feedback_count, arrivals);
      receiver.on_reported(report->times.size() - arrivals.times.size(), now);
      for (const rtcp::Packet& packet : *rtcp::Compound::parse(writer.bytes())) {
        downlink.handle_feedback(std::get<rtcp::TransportFeedback>(packet), now + delay);
      }
    }
  }
  /// `bits` a second in packets of 1000 bytes.
  void run(Duration time, double bits) {
    double debt = 0;
    for (const Instant end = now + time; now < end; now = now + 10ms) {
      for (debt += bits * 0.01 / 8; debt > 0; debt -= 1000) {
        send(1000);
      }
      tell();
      downlink.handle_timeout(now);
    }
  }
};

TEST(Downlink, begins_with_what_every_way_is_believed_to_carry) {
  const Downlink downlink;
  EXPECT_EQ(downlink.estimate(at(1s)), bwe::SendSideEstimator::kStart);
}

TEST(Downlink, retransmissions_take_half_of_the_way_at_most) {
  Downlink downlink;
  std::size_t bytes = 0;
  for (Instant now = at(1s); now < at(5s); now = now + 1ms) {
    bytes += downlink.may_resend(1000, now) ? 1000 : 0;
  }
  // 4 s of half of 600 kbit/s.
  EXPECT_LE(bytes, 150'000 + Downlink::kResendBurst);
  EXPECT_GE(bytes, 150'000U);
}

TEST(Downlink, media_that_is_sent_during_a_probe_belongs_to_it) {
  Downlink downlink;
  const auto send = [&](bwe::ProbeCluster cluster) {
    downlink.on_sent(1000, Downlink::Copy::kFirst, Downlink::Numbered::kYes, cluster, at(1s));
  };
  send(bwe::kNoCluster);
  downlink.set_probe(3);
  EXPECT_EQ(downlink.take_probe_media(), 0U);
  send(bwe::kNoCluster);
  send(3);  // padding
  EXPECT_EQ(downlink.take_probe_media(), 1000U);
  EXPECT_EQ(downlink.take_probe_media(), 0U);
}

TEST(Downlink, numbers_go_on_only_with_what_was_sent) {
  Downlink downlink;
  const SequenceNumber first = downlink.next_number();
  EXPECT_EQ(downlink.next_number(), first);
  downlink.on_sent(100, Downlink::Copy::kFirst, Downlink::Numbered::kNo, bwe::kNoCluster, at(1s));
  EXPECT_EQ(downlink.next_number(), first);
  downlink.on_sent(100, Downlink::Copy::kFirst, Downlink::Numbered::kYes, bwe::kNoCluster, at(1s));
  EXPECT_EQ(downlink.next_number(), first.next());
}

TEST(Downlink, feedback_as_it_comes_over_the_wire_brings_the_estimate_to_the_link) {
  Way way;
  way.rate = 300e3;
  way.run(6s, 500e3);
  EXPECT_TRUE(way.downlink.estimator().has_feedback());
  EXPECT_LT(way.downlink.estimate(way.now).value(), 330'000U);
  EXPECT_GT(way.downlink.estimate(way.now).value(), 150'000U);
}

TEST(Downlink, a_link_that_carries_all_is_no_limit) {
  Way way;
  way.run(6s, 500e3);
  EXPECT_GE(way.downlink.estimate(way.now).value(), 600'000U);
  EXPECT_EQ(way.downlink.take_loss(), 0.0F);
}

TEST(Downlink, reports_lower_the_estimate_only_without_feedback) {
  Downlink plain;
  plain.handle_report(0.5, 50ms, at(2s));
  EXPECT_EQ(plain.estimate(at(2s)), Bitrate(450'000));
  plain.handle_remb(Bitrate(200'000), at(3s));
  EXPECT_EQ(plain.estimate(at(3s)), Bitrate(200'000));

  Way way;
  way.run(1s, 400e3);
  const Bitrate before = way.downlink.estimate(way.now);
  way.downlink.handle_report(0.5, 50ms, way.now);
  way.downlink.handle_remb(Bitrate(50'000), way.now);
  EXPECT_EQ(way.downlink.estimate(way.now), before);
}

TEST(Downlink, the_rate_is_what_was_sent_since_the_last_call) {
  Downlink downlink;
  for (int i = 0; i < 10; ++i) {
    downlink.on_sent(1000, Downlink::Copy::kFirst, Downlink::Numbered::kNo, bwe::kNoCluster,
                     at(1s));
  }
  downlink.update_rate(500ms);
  EXPECT_EQ(downlink.sent_rate(), Bitrate(160'000));
  downlink.update_rate(500ms);
  EXPECT_EQ(downlink.sent_rate(), Bitrate(0));
}

TEST(Downlink, what_is_sent_again_without_a_number_is_known) {
  Downlink downlink;
  for (const auto numbered : {Downlink::Numbered::kNo, Downlink::Numbered::kYes}) {
    downlink.on_sent(1000, Downlink::Copy::kRetransmission, numbered, bwe::kNoCluster, at(1s));
  }
  downlink.on_sent(1000, Downlink::Copy::kFirst, Downlink::Numbered::kNo, bwe::kNoCluster, at(1s));
  downlink.update_rate(100ms);
  EXPECT_EQ(downlink.retransmission_rate(), Bitrate(80'000)) << "half, since it is smoothed";
  EXPECT_EQ(downlink.unnumbered_rate(), Bitrate(40'000));
}

TEST(Downlink, more_statuses_than_fit_at_once_are_all_counted) {
  Downlink downlink;
  const SequenceNumber first = downlink.next_number();
  for (int i = 0; i < 1000; ++i) {
    downlink.on_sent(100, Downlink::Copy::kFirst, Downlink::Numbered::kYes, bwe::kNoCluster,
                     at(1s + i * 1ms));
  }
  std::vector<Instant> times(1000, Instant::never());
  for (std::size_t i = 0; i < times.size(); i += 2) {
    times[i] = at(2s + static_cast<Duration::rep>(i) * 1ms);
  }
  std::array<std::uint8_t, 1200> buffer{};
  for (rtcp::Arrivals arrivals{.base = first, .times = times}; !arrivals.times.empty();) {
    rtcp::CompoundWriter writer(buffer);
    (void)writer.add_transport_feedback(Ssrc(1), Ssrc(2), 0, arrivals);
    for (const rtcp::Packet& packet : *rtcp::Compound::parse(writer.bytes())) {
      downlink.handle_feedback(std::get<rtcp::TransportFeedback>(packet), at(4s));
    }
  }
  EXPECT_NEAR(downlink.take_loss(), 0.5, 0.01);
}

}  // namespace
}  // namespace meridian::forward
