#include "rtcp/nack_responder.hpp"

#include <gtest/gtest.h>

namespace meridian::rtcp {
namespace {

using Decision = NackResponder::Decision;

Instant at(Duration time) {
  return Instant::from_origin(time);
}

TEST(NackResponder, replies_at_most_ten_times_for_each_packet) {
  NackResponder responder;
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(responder.decide(SequenceNumber(5), 100, at(1s + i * 200ms)), Decision::kResend);
  }
  EXPECT_EQ(responder.decide(SequenceNumber(5), 100, at(3s)), Decision::kTooOften);
  EXPECT_EQ(responder.decide(SequenceNumber(6), 100, at(3s)), Decision::kResend);
}

TEST(NackResponder, ignores_repeats_within_the_round_trip_or_100_ms_while_it_is_unknown) {
  NackResponder responder;
  EXPECT_EQ(responder.decide(SequenceNumber(5), 100, at(1s)), Decision::kResend);
  EXPECT_EQ(responder.decide(SequenceNumber(5), 100, at(1s + 99ms)), Decision::kTooSoon);
  responder.set_round_trip(40ms);
  EXPECT_EQ(responder.decide(SequenceNumber(5), 100, at(1s + 39ms)), Decision::kTooSoon);
  EXPECT_EQ(responder.decide(SequenceNumber(5), 100, at(1s + 41ms)), Decision::kResend);
  responder.set_round_trip(400ms);
  EXPECT_EQ(responder.decide(SequenceNumber(5), 100, at(1s + 440ms)), Decision::kTooSoon);
  responder.set_round_trip(20s);
  EXPECT_EQ(responder.decide(SequenceNumber(5), 100, at(1s + 542ms)), Decision::kResend);
}

TEST(NackResponder, forgets_replies_to_an_older_packet_with_the_same_number) {
  NackResponder responder;
  for (int i = 0; i < 10; ++i) {
    (void)responder.decide(SequenceNumber(5), 100, at(1s + i * 200ms));
  }
  EXPECT_EQ(responder.decide(SequenceNumber(5), 100, at(60s)), Decision::kResend);
}

TEST(NackResponder, refuses_what_fell_out_of_its_window) {
  NackResponder responder;
  EXPECT_EQ(responder.decide(SequenceNumber(513), 100, at(1s)), Decision::kResend);
  EXPECT_EQ(responder.decide(SequenceNumber(1), 100, at(1s)), Decision::kTooOld);
  EXPECT_EQ(responder.decide(SequenceNumber(1025), 100, at(1s)), Decision::kResend);
}

TEST(NackResponder, keeps_a_flood_of_requests_within_its_budget) {
  NackResponder responder;
  responder.set_stream_rate(Bitrate(2'000'000));
  std::uint64_t bytes = 0;
  for (int ms = 0; ms < 10'000; ++ms) {
    for (int i = 0; i < 5; ++i) {
      const auto sequence = static_cast<std::uint16_t>(ms * 5 + i);
      if (responder.decide(SequenceNumber(sequence), 1100, at(1s + ms * 1ms)) ==
          Decision::kResend) {
        bytes += 1100;
      }
    }
  }
  // 75 % of 2 Mbit/s for ten seconds, and one second that was saved up.
  EXPECT_LE(bytes, 11U * 187'500U);
  EXPECT_GE(bytes, 10U * 187'500U);
}

TEST(NackResponder, has_a_budget_even_for_a_tiny_stream) {
  NackResponder responder;
  responder.set_stream_rate(Bitrate(0));
  EXPECT_EQ(responder.decide(SequenceNumber(1), 1200, at(1s)), Decision::kResend);
  EXPECT_EQ(responder.decide(SequenceNumber(2), 12'000, at(1s)), Decision::kOverBudget);
  EXPECT_EQ(responder.decide(SequenceNumber(2), 12'000, at(3s)), Decision::kResend);
}

}  // namespace
}  // namespace meridian::rtcp
