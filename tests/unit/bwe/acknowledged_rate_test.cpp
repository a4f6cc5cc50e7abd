#include "bwe/acknowledged_rate.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "unit/bwe/samples.hpp"

namespace meridian::bwe {
namespace {

using test::at;
using test::packet;

TEST(AcknowledgedRate, says_nothing_before_ten_packets) {
  AcknowledgedRate rate;
  for (std::uint64_t i = 0; i < 9; ++i) {
    rate.on_packet(packet(i, at(i * 10ms), at(i * 10ms + 50ms), 1250));
  }
  EXPECT_FALSE(rate.rate());
  rate.on_packet(packet(9, at(90ms), at(140ms), 1250));
  EXPECT_EQ(rate.rate(), Bitrate(1'000'000));
}

TEST(AcknowledgedRate, is_what_arrives_when_the_link_is_slower_than_the_sender) {
  AcknowledgedRate rate;
  for (std::uint64_t i = 0; i < 200; ++i) {
    rate.on_packet(packet(i, at(i * 5ms), at(i * 20ms + 50ms), 1250));
  }
  EXPECT_EQ(rate.rate(), Bitrate(500'000));
}

TEST(AcknowledgedRate, is_what_was_sent_when_a_queue_empties_at_once) {
  AcknowledgedRate rate;
  for (std::uint64_t i = 0; i < 100; ++i) {
    rate.on_packet(packet(i, at(i * 20ms), at(2s + i * 1ms), 1250));
  }
  EXPECT_NEAR(static_cast<double>(rate.rate()->value()), 500'000, 5000);
}

TEST(AcknowledgedRate, leaves_out_one_pause) {
  AcknowledgedRate rate;
  for (std::uint64_t i = 0; i < 60; ++i) {
    const Duration pause = i >= 30 ? 700ms : 0ms;
    rate.on_packet(packet(i, at(i * 10ms), at(i * 10ms + pause), 1250));
  }
  EXPECT_NEAR(static_cast<double>(rate.rate()->value()), 1'000'000, 30'000);
}

TEST(AcknowledgedRate, tells_what_came_since_a_moment_apart_from_what_came_before) {
  AcknowledgedRate rate;
  for (std::uint64_t i = 0; i < 100; ++i) {
    rate.on_packet(packet(i, at(i * 5ms), at(i * 5ms), 1250));
  }
  EXPECT_FALSE(rate.received_since(at(500ms)));
  for (std::uint64_t i = 0; i < 5; ++i) {
    rate.on_packet(packet(100 + i, at(500ms + i * 5ms), at(500ms + i * 40ms), 1250));
    EXPECT_EQ(rate.received_since(at(500ms)).has_value(), i == 4) << i;
  }
  EXPECT_EQ(rate.received_since(at(500ms)), Bitrate(250'000));
  EXPECT_GT(*rate.rate(), Bitrate(1'000'000));
}

TEST(AcknowledgedRate, tells_what_came_while_packets_waited_behind_each_other) {
  AcknowledgedRate rate;
  // Each 200 ms three packets at once, of which each takes 40 ms behind the other; 10 ms of way.
  for (std::uint64_t i = 0; i < 9; ++i) {
    const Duration sent = (i / 3) * 200ms;
    rate.on_packet(packet(i, at(sent), at(sent + 50ms + (i % 3) * 40ms), 1250));
  }
  EXPECT_EQ(rate.queued_since(at(0ms), 10ms), Bitrate(250'000));
  EXPECT_FALSE(rate.queued_since(at(0ms), 500ms)) << "none of them waited";
  EXPECT_FALSE(rate.queued_since(at(250ms), 10ms)) << "too few since then";
}

TEST(AcknowledgedRate, says_nothing_of_packets_that_came_almost_at_once) {
  AcknowledgedRate rate;
  for (std::uint64_t i = 0; i < 50; ++i) {
    rate.on_packet(packet(i, at(i * 1ms), at(i * 1ms), 1250));
  }
  EXPECT_FALSE(rate.received_since(at(0ms)));
}

TEST(AcknowledgedRate, takes_packets_in_any_order_and_a_jump_of_the_clock) {
  AcknowledgedRate rate;
  for (std::uint64_t i = 0; i < 100; i += 2) {
    rate.on_packet(packet(i + 1, at(i * 10ms + 10ms), at(i * 10ms + 10ms), 1250));
    rate.on_packet(packet(i, at(i * 10ms), at(i * 10ms), 1250));
  }
  EXPECT_NEAR(static_cast<double>(rate.rate()->value()), 1'000'000, 30'000);
  rate.on_packet(packet(100, at(1s), at(60s), 1250));
  rate.on_packet(packet(101, at(1s), at(1s), 1250));
  EXPECT_FALSE(rate.rate());
  for (std::uint64_t i = 0; i < 2000; ++i) {  // the ring goes round
    rate.on_packet(packet(i, at(i * 1ms), at(100s + i * 1ms), 125));
  }
  EXPECT_NEAR(static_cast<double>(rate.rate()->value()), 1'000'000, 30'000);
}

/// The definition, added up anew from everything that came.
class Plain {
 public:
  void on_packet(const PacketResult& packet) {
    const auto place =
        std::ranges::upper_bound(window_, packet.received, {}, &PacketResult::received);
    window_.insert(place, packet);
    while (window_.size() > AcknowledgedRate::kMinPackets &&
           window_.back().received - window_.front().received > AcknowledgedRate::kMinDuration) {
      left_ = std::max(left_, window_.front().sent.sent_at);
      window_.erase(window_.begin());
    }
  }
  [[nodiscard]] std::optional<Bitrate> rate() const {
    if (window_.size() < AcknowledgedRate::kRequiredPackets) {
      return std::nullopt;
    }
    std::vector<Duration> gaps;
    double received = 0;
    for (std::size_t i = 1; i < window_.size(); ++i) {
      gaps.push_back(window_[i].received - window_[i - 1].received);
      received += window_[i].sent.size;
    }
    std::ranges::sort(gaps, std::greater{});
    std::vector<SentPacket> sent;
    for (const PacketResult& packet : window_) {
      if (packet.sent.sent_at > left_) {
        sent.insert(std::ranges::upper_bound(sent, packet.sent.sent_at, {}, &SentPacket::sent_at),
                    packet.sent);
      }
    }
    const Duration arrival = window_.back().received - window_.front().received - gaps[0] + gaps[1];
    const double arrived = rate_of(received, std::max<Duration>(arrival, 1ms));
    if (sent.size() < AcknowledgedRate::kRequiredPackets) {
      return to_bitrate(arrived);
    }
    double bytes = 0;
    for (std::size_t i = 0; i + 1 < sent.size(); ++i) {
      bytes += sent[i].size;
    }
    const Duration time = sent.back().sent_at - sent.front().sent_at;
    return to_bitrate(std::min(arrived, rate_of(bytes, std::max<Duration>(time, 1ms))));
  }

 private:
  std::vector<PacketResult> window_;
  Instant left_;
};

TEST(AcknowledgedRate, is_the_same_as_when_all_of_it_is_added_up) {
  for (const int disorder : {0, 1, 10}) {  // percent of the packets
    std::mt19937 random(static_cast<unsigned>(disorder) + 1);
    AcknowledgedRate rate;
    Plain plain;
    Duration sent{};
    for (std::uint64_t i = 0; i < 3000; ++i) {
      // Pictures of which all packets are sent at once.
      sent += random() % 6 == 0 ? std::chrono::milliseconds(20 + random() % 30) : 0ms;
      const bool is_late = static_cast<int>(random() % 100) < disorder;
      const Duration way = std::chrono::microseconds(is_late ? 40'000 + random() % 30'000 : 10'000);
      const Duration behind = std::chrono::microseconds(250 * (i % 6));
      const auto result = packet(i, at(sent), at(sent + way + behind),
                                 static_cast<std::uint32_t>(500 + random() % 700));
      rate.on_packet(result);
      plain.on_packet(result);
      ASSERT_EQ(rate.rate(), plain.rate()) << "packet " << i << ", " << disorder << " % disorder";
    }
  }
}

}  // namespace
}  // namespace meridian::bwe
