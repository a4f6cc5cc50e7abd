#include "forward/send_rewriter.hpp"

#include <set>

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "unit/forward/samples.hpp"

namespace meridian::forward {
namespace {

using test::at;
using test::media;

constexpr std::uint32_t kRate = 90'000;
const std::optional<rtcp::SourceClock> kNoClock;

MediaPacket vp8(std::uint64_t sequence, std::uint32_t timestamp, Instant arrival,
                std::uint16_t picture, std::uint8_t tl0 = 0, std::uint8_t key_index = 0) {
  MediaPacket packet = media(sequence, timestamp, arrival);
  packet.picture = {.picture_id = picture,
                    .picture_id_bits = 15,
                    .tl0_picture_index = tl0,
                    .key_index = key_index};
  return packet;
}

TEST(SendRewriter, continues_over_the_wrap_of_both_numbers) {
  SendRewriter rewriter(ExtendedSequence(0x1fff0));
  MediaPacket packet = media(0x1fff8, 0xffff'f000, at(1s));
  rewriter.begin(packet, 0, kRate, kNoClock);
  for (std::uint64_t i = 0; i < 32; ++i) {
    packet = media(0x1fff8 + i, static_cast<std::uint32_t>(0xffff'f000 + i * 3000), at(1s));
    const auto out = rewriter.rewrite(packet, kNoClock);
    ASSERT_TRUE(out);
    EXPECT_EQ(out->sequence.value(), 0x1fff0 + i);
    EXPECT_EQ(out->timestamp, packet.timestamp);
  }
  EXPECT_EQ(rewriter.next_sequence().value(), 0x1fff0 + 32U);
}

TEST(SendRewriter, before_it_begins_the_next_number_is_the_first) {
  EXPECT_EQ(SendRewriter(ExtendedSequence(77'000)).next_sequence().value(), 77'000U);
}

TEST(SendRewriter, a_switch_goes_on_without_a_gap) {
  SendRewriter rewriter(ExtendedSequence(70'000));
  const MediaPacket low = media(66'000, 1000, at(1s));
  rewriter.begin(low, 0, kRate, kNoClock);
  ASSERT_TRUE(rewriter.rewrite(low, kNoClock));
  const MediaPacket high = media(90'000, 5'000'000, at(1s + 33ms));
  rewriter.begin(high, 2, kRate, kNoClock);
  const auto out = rewriter.rewrite(high, kNoClock);
  ASSERT_TRUE(out);
  EXPECT_EQ(out->sequence.value(), 70'001U);
  EXPECT_EQ(out->timestamp.value(), 1000U + 2970);  // 33 ms of arrival time
  EXPECT_FALSE(rewriter.rewrite(media(89'999, 4'999'000, at(1s + 40ms)), kNoClock));
}

TEST(SendRewriter, goes_on_after_a_pause_with_the_publishers_time_and_without_a_gap) {
  SendRewriter rewriter(ExtendedSequence(70'000));
  const MediaPacket before = media(66'000, 1000, at(1s));
  rewriter.begin(before, 0, kRate, kNoClock);
  ASSERT_TRUE(rewriter.rewrite(before, kNoClock));
  rewriter.resume(ExtendedSequence(166'000));
  const auto second = rewriter.rewrite(media(166'001, 9'001'000, at(101s)), kNoClock);
  const auto first = rewriter.rewrite(media(166'000, 9'000'000, at(101s)), kNoClock);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->sequence.value(), 70'001U);
  EXPECT_EQ(second->sequence.value(), 70'002U);
  EXPECT_EQ(second->timestamp.value(), 9'001'000U);
  EXPECT_FALSE(rewriter.rewrite(media(165'999, 8'999'000, at(101s)), kNoClock));
}

TEST(SendRewriter, what_was_never_sent_gives_its_numbers_to_the_next_key_frame) {
  SendRewriter rewriter(ExtendedSequence(70'000));
  rewriter.begin(media(66'000, 1000, at(1s)), 1, kRate, kNoClock);
  for (std::uint64_t i = 0; i < 10; ++i) {
    ASSERT_TRUE(rewriter.rewrite(media(66'000 + i, 1000, at(1s)), kNoClock));
  }
  rewriter.take_back(ExtendedSequence(70'004));
  EXPECT_EQ(rewriter.next_sequence().value(), 70'004U);
  const MediaPacket low = media(90'000, 5'000'000, at(1s + 33ms));
  rewriter.begin(low, 0, kRate, kNoClock);
  const auto out = rewriter.rewrite(low, kNoClock);
  ASSERT_TRUE(out);
  EXPECT_EQ(out->sequence.value(), 70'004U);
  EXPECT_EQ(out->timestamp.value(), 1000U + 2970) << "time went on";
  EXPECT_EQ(rewriter.next_sequence().value(), 70'005U);
}

TEST(SendRewriter, a_switch_is_aligned_by_sender_reports) {
  // Both layers' clocks are known: 10 s of NTP time is 1000 on the low one, 777000 on the high one.
  const rtcp::SourceClock low_clock{.ntp = rtcp::NtpTime(10ULL << 32U),
                                    .rtp = RtpTimestamp(1000),
                                    .arrival = at(0s),
                                    .clock_rate = kRate};
  const rtcp::SourceClock high_clock{.ntp = rtcp::NtpTime(10ULL << 32U),
                                     .rtp = RtpTimestamp(777'000),
                                     .arrival = at(0s),
                                     .clock_rate = kRate};
  SendRewriter rewriter(ExtendedSequence(70'000));
  const MediaPacket low = media(66'000, 1000 + 9000, at(1s));
  rewriter.begin(low, 0, kRate, low_clock);
  ASSERT_TRUE(rewriter.rewrite(low, low_clock));
  // Captured 100 ms later, though it arrived 250 ms later.
  const MediaPacket high = media(90'000, 777'000 + 18'000, at(1s + 250ms));
  rewriter.begin(high, 1, kRate, high_clock);
  EXPECT_EQ(rewriter.rewrite(high, high_clock)->timestamp.value(), 10'000U + 9000);
}

TEST(SendRewriter, incredible_clocks_are_not_believed) {
  const rtcp::SourceClock low_clock{.ntp = rtcp::NtpTime(10ULL << 32U),
                                    .rtp = RtpTimestamp(0),
                                    .arrival = at(0s),
                                    .clock_rate = kRate};
  rtcp::SourceClock high_clock = low_clock;
  high_clock.ntp = rtcp::NtpTime(500ULL << 32U);
  SendRewriter rewriter(ExtendedSequence(70'000));
  const MediaPacket low = media(66'000, 0, at(1s));
  rewriter.begin(low, 0, kRate, low_clock);
  ASSERT_TRUE(rewriter.rewrite(low, low_clock));
  const MediaPacket high = media(90'000, 0, at(1s + 100ms));
  rewriter.begin(high, 1, kRate, high_clock);
  EXPECT_EQ(rewriter.rewrite(high, high_clock)->timestamp.value(), 9000U);
}

TEST(SendRewriter, time_never_stands_still_at_a_switch) {
  SendRewriter rewriter(ExtendedSequence(70'000));
  const MediaPacket low = media(66'000, 1000, at(1s));
  rewriter.begin(low, 0, kRate, kNoClock);
  ASSERT_TRUE(rewriter.rewrite(low, kNoClock));
  const MediaPacket high = media(90'000, 5'000'000, at(1s));
  rewriter.begin(high, 2, kRate, kNoClock);
  EXPECT_EQ(rewriter.rewrite(high, kNoClock)->timestamp.value(), 1001U);
}

TEST(SendRewriter, a_pause_on_the_same_layer_keeps_its_clock) {
  SendRewriter rewriter(ExtendedSequence(70'000));
  MediaPacket packet = media(66'000, 1000, at(1s));
  rewriter.begin(packet, 0, kRate, kNoClock);
  ASSERT_TRUE(rewriter.rewrite(packet, kNoClock));
  packet = media(67'000, 1000 + 60 * kRate, at(61s + 50ms));
  rewriter.begin(packet, 0, kRate, kNoClock);
  const auto out = rewriter.rewrite(packet, kNoClock);
  EXPECT_EQ(out->timestamp.value(), 1000U + 60 * kRate);
  EXPECT_EQ(out->sequence.value(), 70'001U);
}

TEST(SendRewriter, vp8_picture_numbers_go_on_over_a_switch) {
  SendRewriter rewriter(ExtendedSequence(70'000));
  const MediaPacket low = vp8(66'000, 0, at(1s), 0x7fff, 250, 30);
  rewriter.begin(low, 0, kRate, kNoClock);
  const auto first = rewriter.rewrite(low, kNoClock);
  EXPECT_EQ(first->picture_id, 0x7fff);
  EXPECT_EQ(first->tl0_picture_index, 250);
  EXPECT_EQ(first->key_index, 30);
  const MediaPacket high = vp8(90'000, 0, at(1s + 33ms), 12, 3, 9);
  rewriter.begin(high, 1, kRate, kNoClock);
  const auto second = rewriter.rewrite(high, kNoClock);
  EXPECT_EQ(second->picture_id, 0);
  EXPECT_EQ(second->tl0_picture_index, 251);
  EXPECT_EQ(second->key_index, 31);
  const auto third = rewriter.rewrite(vp8(90'001, 3000, at(1s + 66ms), 13, 4, 9), kNoClock);
  EXPECT_EQ(third->picture_id, 1);
  EXPECT_EQ(third->tl0_picture_index, 252);
  EXPECT_EQ(third->key_index, 31);
}

TEST(SendRewriter, dropped_vp8_frames_leave_no_gap_in_picture_ids) {
  SendRewriter rewriter(ExtendedSequence(70'000));
  rewriter.begin(vp8(66'000, 0, at(1s), 32'766), 0, kRate, kNoClock);
  std::uint16_t expected_picture = 32'766;
  std::uint64_t expected_sequence = 70'000;
  // Every second frame is dropped; each has two packets.
  for (std::uint64_t frame = 0; frame < 20; ++frame) {
    const auto picture = static_cast<std::uint16_t>((32'766 + frame) & 0x7fffU);
    for (std::uint64_t part = 0; part < 2; ++part) {
      const MediaPacket packet = vp8(66'000 + frame * 2 + part, 0, at(1s), picture);
      if (frame % 2 == 1) {
        rewriter.drop(packet);
        continue;
      }
      const auto out = rewriter.rewrite(packet, kNoClock);
      ASSERT_TRUE(out);
      EXPECT_EQ(out->sequence.value(), expected_sequence++);
      EXPECT_EQ(out->picture_id, expected_picture);
    }
    if (frame % 2 == 0) {
      expected_picture = (expected_picture + 1) & 0x7fffU;
    }
  }
}

TEST(SendRewriter, frame_numbers_shared_by_simulcast_layers_are_kept) {
  const std::vector<std::uint8_t> first = {0x80, 0x00, 0x10};
  const std::vector<std::uint8_t> second = {0x80, 0x00, 0x12};
  const std::vector<std::uint8_t> lower = {0x80, 0x00, 0x05};
  SendRewriter rewriter(ExtendedSequence(70'000));
  MediaPacket packet = media(66'000, 0, at(1s));
  packet.descriptor = first;
  rewriter.begin(packet, 0, kRate, kNoClock);
  EXPECT_EQ(rewriter.rewrite(packet, kNoClock)->frame_number, 0x10);
  packet = media(90'000, 0, at(1s + 33ms));
  packet.descriptor = second;
  rewriter.begin(packet, 1, kRate, kNoClock);
  EXPECT_EQ(rewriter.rewrite(packet, kNoClock)->frame_number, 0x12);
  // Counters of their own: the number still only grows.
  packet = media(50'000'000, 0, at(1s + 66ms));
  packet.descriptor = lower;
  rewriter.begin(packet, 2, kRate, kNoClock);
  EXPECT_EQ(rewriter.rewrite(packet, kNoClock)->frame_number, 0x13);
}

TEST(SendRewriter, a_late_packet_gets_the_place_that_was_kept_for_it) {
  SendRewriter rewriter(ExtendedSequence(70'000));
  rewriter.begin(media(66'000, 0, at(1s)), 0, kRate, kNoClock);
  EXPECT_EQ(rewriter.rewrite(media(66'000, 0, at(1s)), kNoClock)->sequence.value(), 70'000U);
  rewriter.drop(media(66'002, 0, at(1s)));
  EXPECT_EQ(rewriter.rewrite(media(66'003, 0, at(1s)), kNoClock)->sequence.value(), 70'002U);
  EXPECT_EQ(rewriter.rewrite(media(66'001, 0, at(1s)), kNoClock)->sequence.value(), 70'001U);
}

// Random switches, drops, losses and reordering: an out sequence number is never given twice.
TEST(SendRewriter, never_reuses_a_sequence_number) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    Rng rng(seed);
    SendRewriter rewriter(ExtendedSequence(65'536 + rng.below(65'536)));
    std::set<std::uint64_t> used;
    std::array<std::uint64_t, 3> next = {66'000, 131'000, 1'000'000};
    std::array<std::set<std::uint64_t>, 3> seen;
    std::size_t layer = 0;
    bool has_begun = false;
    for (int step = 0; step < 3000; ++step) {
      if (!has_begun || rng.chance(0.01)) {
        layer = rng.below(3);
        next[layer] += rng.below(3);
        rewriter.begin(media(next[layer], 0, at(1s)), static_cast<std::uint8_t>(layer), kRate,
                       kNoClock);
        has_begun = true;
      }
      std::uint64_t sequence = next[layer] + rng.below(3);
      next[layer] = sequence + 1;
      if (rng.chance(0.1)) {
        sequence -= 1 + rng.below(20);
      }
      if (!seen[layer].insert(sequence).second) {
        continue;  // the receive side drops duplicates
      }
      const MediaPacket packet =
          vp8(sequence, 0, at(1s), static_cast<std::uint16_t>((sequence / 2) & 0x7fffU));
      if (rng.chance(0.25)) {
        rewriter.drop(packet);
      } else if (const auto out = rewriter.rewrite(packet, kNoClock)) {
        ASSERT_TRUE(used.insert(out->sequence.value()).second) << "seed " << seed;
        ASSERT_LT(out->sequence, rewriter.next_sequence());
      }
    }
  }
}

}  // namespace
}  // namespace meridian::forward
