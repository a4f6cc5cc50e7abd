#include "forward/sound_history.hpp"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "unit/forward/samples.hpp"

namespace meridian::forward {
namespace {

using test::at;

class SoundHistoryTest : public testing::Test {
 protected:
  void add(std::uint32_t ssrc, std::uint16_t sequence, std::size_t size, Instant now) {
    const std::vector<std::uint8_t> datagram(size, static_cast<std::uint8_t>(sequence));
    history_.add(Ssrc(ssrc), SequenceNumber(sequence),
                 {.datagram = datagram, .transport_sequence = SequenceNumber(sequence).plus(1000)},
                 now);
  }
  bool resends(std::uint32_t ssrc, std::uint16_t sequence, Instant now, std::uint8_t copies = 1) {
    const auto kept = history_.take_asked(Ssrc(ssrc), SequenceNumber(sequence), copies, now);
    EXPECT_TRUE(std::ranges::all_of(kept.datagram, [&](std::uint8_t byte) {
      return byte == static_cast<std::uint8_t>(sequence);
    }));
    EXPECT_TRUE(kept.empty() || kept.transport_sequence == SequenceNumber(sequence).plus(1000));
    return !kept.empty();
  }

  SoundHistory history_;
};

TEST_F(SoundHistoryTest, gives_back_what_was_sent) {
  add(7, 65'535, 100, at(1s));
  add(7, 0, 120, at(1s));
  EXPECT_EQ(history_.take_asked(Ssrc(7), SequenceNumber(65'535), 1, at(1s)).datagram.size(), 100U);
  EXPECT_EQ(history_.take_asked(Ssrc(7), SequenceNumber(0), 1, at(1s)).datagram.size(), 120U);
  EXPECT_FALSE(resends(7, 1, at(1s))) << "never sent";
  EXPECT_FALSE(resends(8, 0, at(1s))) << "another stream";
}

TEST_F(SoundHistoryTest, what_is_old_is_of_no_use) {
  add(7, 1, 100, at(1s));
  EXPECT_FALSE(resends(7, 1, at(1s) + SoundHistory::kMaxAge + 1ns));
  EXPECT_TRUE(resends(7, 1, at(1s) + SoundHistory::kMaxAge));
}

TEST_F(SoundHistoryTest, a_copy_is_given_the_time_of_a_round_trip) {
  history_.set_round_trip(60ms);
  add(7, 1, 100, at(1s));
  EXPECT_TRUE(resends(7, 1, at(1s))) << "the first at once";
  EXPECT_FALSE(resends(7, 1, at(1s) + 59ms));
  EXPECT_TRUE(resends(7, 1, at(1s) + 60ms));
  history_.set_round_trip(Duration::zero());
  EXPECT_FALSE(resends(7, 1, at(1s) + 159ms)) << "unknown: the longest";
  history_.set_round_trip(1ms);
  EXPECT_FALSE(resends(7, 1, at(1s) + 79ms)) << "never more often than packets come";
}

TEST_F(SoundHistoryTest, a_packet_is_sent_again_only_so_often) {
  history_.set_round_trip(20ms);
  add(7, 1, 100, at(1s));
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(resends(7, 1, at(1s) + i * 20ms, 2)) << i;
  }
  EXPECT_FALSE(resends(7, 1, at(1s) + 200ms));
  EXPECT_TRUE(history_.take_repeat(Ssrc(7), SequenceNumber(1), at(1s) + 200ms).empty());
}

TEST_F(SoundHistoryTest, repeats_do_not_wait) {
  add(7, 1, 100, at(1s));
  EXPECT_EQ(history_.take_repeat(Ssrc(7), SequenceNumber(1), at(1s)).datagram.size(), 100U);
  EXPECT_EQ(history_.take_repeat(Ssrc(7), SequenceNumber(1), at(1s)).datagram.size(), 100U);
  EXPECT_TRUE(history_.take_repeat(Ssrc(7), SequenceNumber(2), at(1s)).empty());
}

TEST_F(SoundHistoryTest, a_flood_of_requests_is_held_to_the_budget) {
  std::uint64_t sent = 0;
  for (std::uint16_t i = 0; i < 1000; ++i) {
    const Instant now = at(1s) + i * 10ms;
    add(7, i, 1000, now);
    sent += resends(7, i, now) ? 1000 : 0;
  }
  EXPECT_LE(sent, SoundHistory::kBurst + 10 * SoundHistory::kBudget);
  EXPECT_GE(sent, 9 * SoundHistory::kBudget);
}

TEST_F(SoundHistoryTest, nothing_is_handed_out_half_overwritten) {
  add(7, 1, 1000, at(1s));
  std::size_t written = 1000;
  for (std::uint16_t i = 2; written + 1000 <= SoundHistory::kBytes; ++i, written += 1000) {
    add(7, i, 1000, at(1s));
  }
  EXPECT_TRUE(resends(7, 1, at(1s)));
  add(7, 200, 1000, at(1s));
  EXPECT_FALSE(resends(7, 1, at(1s) + 100ms));
}

TEST_F(SoundHistoryTest, an_empty_or_huge_datagram_is_not_kept) {
  add(7, 1, 0, at(1s));
  add(7, 2, SoundHistory::kBytes / 4 + 1, at(1s));
  EXPECT_FALSE(resends(7, 1, at(1s)));
  EXPECT_FALSE(resends(7, 2, at(1s)));
}

TEST_F(SoundHistoryTest, several_streams_have_room_side_by_side) {
  for (std::uint16_t i = 0; i < 20; ++i) {
    for (std::uint32_t ssrc = 1; ssrc <= 4; ++ssrc) {
      add(ssrc * 7919, i, 150, at(1s));
    }
  }
  for (std::uint32_t ssrc = 1; ssrc <= 4; ++ssrc) {
    EXPECT_TRUE(resends(ssrc * 7919, 19, at(1s))) << ssrc;
    EXPECT_TRUE(resends(ssrc * 7919, 5, at(1s))) << ssrc;
  }
}

}  // namespace
}  // namespace meridian::forward
