#include "forward/talkspurts.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "unit/forward/samples.hpp"

namespace meridian::forward {
namespace {

using test::at;

constexpr std::uint8_t kSpeech = 30;

class TalkspurtsTest : public testing::Test {
 protected:
  MediaPacket packet(std::uint64_t number, std::uint32_t generation = 0) const {
    MediaPacket packet;
    packet.sequence = ExtendedSequence(100'000 + number);
    packet.generation = generation;
    packet.arrival = now_;
    return packet;
  }
  /// Packet `number`, 20 ms after the one before; where its talkspurt begins.
  std::optional<std::uint64_t> take(std::uint64_t number, std::optional<std::uint8_t> level,
                                    bool is_loudest = true) {
    now_ = now_ + 20ms;
    const auto verdict = talkspurts_.take(packet(number), level, is_loudest);
    reason_ = verdict.reason;
    return verdict.talkspurt ? std::optional(verdict.talkspurt->value() - 100'000) : std::nullopt;
  }
  /// Packets of silence from `first` on: the numbers of those that are sent on.
  std::vector<std::uint64_t> silence(std::uint64_t first, std::uint64_t count) {
    std::vector<std::uint64_t> sent;
    for (std::uint64_t number = first; number < first + count; ++number) {
      if (take(number, Talkspurts::kSilence)) {
        sent.push_back(number);
      }
    }
    return sent;
  }

  Instant now_ = at(10s);
  Talkspurts talkspurts_;
  Talkspurts::Withheld reason_ = Talkspurts::Withheld::kSilence;
};

TEST_F(TalkspurtsTest, speech_is_one_talkspurt) {
  for (std::uint64_t number = 5; number < 20; ++number) {
    EXPECT_EQ(take(number, kSpeech), 5U);
  }
}

TEST_F(TalkspurtsTest, a_little_silence_follows_speech_and_then_a_packet_now_and_then) {
  (void)take(0, kSpeech);
  const auto sent = silence(1, 60);
  // 200 ms of it, then each 400 ms.
  const std::vector<std::uint64_t> expected = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 30, 50};
  EXPECT_EQ(sent, expected);
  EXPECT_EQ(reason_, Talkspurts::Withheld::kSilence);
}

TEST_F(TalkspurtsTest, the_first_packet_of_speech_begins_a_talkspurt) {
  (void)take(0, kSpeech);
  (void)silence(1, 15);
  EXPECT_EQ(take(16, kSpeech), 16U);
  EXPECT_EQ(take(17, kSpeech), 16U);
}

TEST_F(TalkspurtsTest, what_was_lost_directly_before_it_may_be_its_beginning) {
  (void)take(0, kSpeech);
  (void)silence(1, 15);
  EXPECT_EQ(take(18, kSpeech), 16U);
  EXPECT_EQ(take(17, kSpeech), 16U) << "it comes late";
  EXPECT_EQ(take(14, kSpeech), std::nullopt) << "of the silence before";
  EXPECT_EQ(reason_, Talkspurts::Withheld::kOutside);
}

TEST_F(TalkspurtsTest, a_long_gap_is_no_beginning) {
  (void)take(0, kSpeech);
  (void)silence(1, 15);
  const std::uint64_t number = 17 + Talkspurts::kMaxMissing;
  EXPECT_EQ(take(number, kSpeech), number);
}

TEST_F(TalkspurtsTest, silence_that_begins_a_track_is_sent_on_as_after_speech) {
  const std::vector<std::uint64_t> expected = {3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 32, 52};
  EXPECT_EQ(silence(3, 50), expected);
}

TEST_F(TalkspurtsTest, who_has_discontinuous_transmission_loses_nothing) {
  (void)take(0, kSpeech);
  for (std::uint64_t number = 1; number < 20; ++number) {
    now_ = now_ + 380ms;
    EXPECT_TRUE(take(number, Talkspurts::kSilence)) << number;
  }
}

TEST_F(TalkspurtsTest, who_says_no_level_is_always_sent_on) {
  for (std::uint64_t number = 0; number < 100; ++number) {
    EXPECT_EQ(take(number, std::nullopt), 0U);
  }
}

TEST_F(TalkspurtsTest, who_is_not_among_the_loudest_is_not_sent_on) {
  EXPECT_EQ(take(0, kSpeech), 0U);
  EXPECT_EQ(take(1, kSpeech, false), std::nullopt);
  EXPECT_EQ(reason_, Talkspurts::Withheld::kNotLoudest);
  EXPECT_EQ(take(2, kSpeech), 2U);
}

TEST_F(TalkspurtsTest, a_stream_that_begins_anew_begins_a_talkspurt) {
  EXPECT_EQ(take(50, kSpeech), 50U);
  now_ = now_ + 20ms;
  const auto verdict = talkspurts_.take(packet(3, 1), kSpeech, true);
  ASSERT_TRUE(verdict.talkspurt);
  EXPECT_EQ(*verdict.talkspurt, packet(3).sequence);
}

constexpr PublicationId kAnn{1};
constexpr PublicationId kBen{2};
constexpr PublicationId kCat{3};

TEST(LoudestSounds, places_are_taken_at_once_while_there_are_some) {
  LoudestSounds sounds(2);
  EXPECT_TRUE(sounds.observe(kAnn, 60, at(1s)));
  EXPECT_TRUE(sounds.observe(kBen, 50, at(1s)));
  EXPECT_FALSE(sounds.observe(kCat, 56, at(1s)));
}

TEST(LoudestSounds, somebody_louder_takes_the_place_of_the_quietest_with_the_first_packet) {
  LoudestSounds sounds(2);
  (void)sounds.observe(kAnn, 60, at(1s));
  (void)sounds.observe(kBen, 40, at(1s));
  EXPECT_FALSE(sounds.observe(kCat, 55, at(1s))) << "not by enough";
  EXPECT_TRUE(sounds.observe(kCat, 30, at(1s)));
  EXPECT_FALSE(sounds.observe(kAnn, 60, at(1s)));
  EXPECT_TRUE(sounds.observe(kBen, 40, at(1s)));
}

TEST(LoudestSounds, a_pause_between_words_costs_no_place) {
  LoudestSounds sounds(1);
  (void)sounds.observe(kAnn, 30, at(1s));
  EXPECT_TRUE(sounds.observe(kAnn, 127, at(1300ms)));
  EXPECT_FALSE(sounds.observe(kBen, 35, at(1300ms)));
  EXPECT_TRUE(sounds.observe(kBen, 35, at(2s))) << "a longer one does";
}

TEST(LoudestSounds, silence_takes_nobodys_place) {
  LoudestSounds sounds(1);
  EXPECT_FALSE(sounds.observe(kAnn, 127, at(1s)));
  EXPECT_TRUE(sounds.observe(kBen, 90, at(1s)));
  EXPECT_FALSE(sounds.observe(kAnn, 127, at(100s)));
}

TEST(LoudestSounds, who_leaves_leaves_a_place) {
  LoudestSounds sounds(1);
  (void)sounds.observe(kAnn, 10, at(1s));
  EXPECT_FALSE(sounds.observe(kBen, 60, at(1s)));
  sounds.remove(kAnn);
  EXPECT_TRUE(sounds.observe(kBen, 60, at(1s)));
}

}  // namespace
}  // namespace meridian::forward
