#include "forward/sound_forms.hpp"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "rtp/red.hpp"
#include "unit/forward/samples.hpp"

namespace meridian::forward {
namespace {

class SoundFormsTest : public testing::Test {
 protected:
  /// Stores a packet whose frame is `size` bytes of its sequence number.
  const MediaPacket& store(std::uint64_t sequence, std::uint32_t timestamp, std::size_t size = 3,
                           std::uint32_t generation = 1) {
    const std::vector<std::uint8_t> frame(size, static_cast<std::uint8_t>(sequence));
    return store_payload(sequence, timestamp, rtp::Codec::kOpus, frame, generation);
  }
  const MediaPacket& store_payload(std::uint64_t sequence, std::uint32_t timestamp,
                                   rtp::Codec codec, Bytes payload, std::uint32_t generation = 1) {
    MediaPacket packet;
    packet.sequence = ExtendedSequence(sequence);
    packet.timestamp = RtpTimestamp(timestamp);
    packet.generation = generation;
    packet.codec = codec;
    packet.payload = payload;
    EXPECT_TRUE(history_.store(packet));
    return *history_.find(generation, ExtendedSequence(sequence));
  }
  /// Frames and offsets of what is made, oldest first.
  struct Block {
    std::uint8_t frame = 0;
    std::uint16_t offset = 0;
    friend bool operator==(const Block&, const Block&) = default;
  };
  std::vector<Block> made(const MediaPacket& packet,
                          std::size_t frames = SoundForms::kRedundantFrames) {
    forms_.clear();
    const Bytes payload = forms_.redundant(packet, history_, frames);
    const auto red = rtp::parse_red(payload);
    std::vector<Block> blocks;
    if (red && !payload.empty()) {
      for (const rtp::RedBlock& block : red->blocks()) {
        blocks.push_back({block.payload.front(), block.timestamp_offset});
      }
    }
    return blocks;
  }

  History history_{kAudioHistory};
  SoundForms forms_;
};

TEST_F(SoundFormsTest, a_packet_carries_the_two_frames_before_it) {
  const auto first = made(store(100, 960));
  EXPECT_EQ(first, (decltype(first){{100, 0}})) << "nothing is before it";
  const auto second = made(store(101, 1920));
  EXPECT_EQ(second, (decltype(second){{100, 960}, {101, 0}}));
  store(102, 2880);
  const auto fourth = made(store(103, 3840));
  EXPECT_EQ(fourth, (decltype(fourth){{101, 1920}, {102, 960}, {103, 0}}));
}

TEST_F(SoundFormsTest, a_packet_carries_three_frames_where_two_are_too_few) {
  store(100, 960);
  store(101, 1920);
  store(102, 2880);
  const MediaPacket& packet = store(103, 3840);
  const auto blocks = made(packet, SoundForms::kMostRedundantFrames);
  EXPECT_EQ(blocks, (decltype(blocks){{100, 2880}, {101, 1920}, {102, 960}, {103, 0}}));
  const Bytes most = forms_.redundant(packet, history_, SoundForms::kMostRedundantFrames);
  EXPECT_LT(forms_.redundant(packet, history_, 2).size(), most.size()) << "beside the other form";
}

TEST_F(SoundFormsTest, what_a_publisher_made_is_made_anew) {
  store(100, 960);
  store(101, 1920);
  const std::vector<std::uint8_t> red = {0x80 | 111, 0x0f, 0, 2, 111, 101, 101, 102, 8, 9};
  const auto blocks = made(store_payload(102, 2880, rtp::Codec::kRed, red));
  EXPECT_EQ(blocks, (decltype(blocks){{100, 1920}, {101, 960}, {102, 0}}));
}

TEST_F(SoundFormsTest, a_frame_that_never_came_is_left_out) {
  store(100, 960);
  const auto blocks = made(store(102, 2880));
  EXPECT_EQ(blocks, (decltype(blocks){{100, 1920}, {102, 0}}));
}

TEST_F(SoundFormsTest, a_timestamp_that_wraps_has_its_distance) {
  store(100, 0xffffff00U);
  const auto blocks = made(store(101, 0x2c0U));
  EXPECT_EQ(blocks, (decltype(blocks){{100, 0x3c0}, {101, 0}}));
}

TEST_F(SoundFormsTest, silence_in_between_is_too_long_to_be_said) {
  store(100, 960);
  store(101, 1920);
  const auto at_limit = made(store(102, 1920 + 0x3fff));
  EXPECT_EQ(at_limit, (decltype(at_limit){{101, 0x3fff}, {102, 0}}));
  const auto beyond = made(store(103, 1920 + 0x3fff + 0x4000));
  EXPECT_EQ(beyond, (decltype(beyond){{103, 0}}));
}

TEST_F(SoundFormsTest, what_passes_no_way_is_not_made) {
  store(100, 960, 500);
  store(101, 1920, 500);
  const auto blocks = made(store(102, 2880, 500));
  EXPECT_EQ(blocks, (decltype(blocks){{101, 960}, {102, 0}})) << "the older frame has no room";
  EXPECT_TRUE(made(store(103, 3840, SoundForms::kMaxPayload)).empty());
  const auto after = made(store(104, 4800));
  EXPECT_EQ(after, (decltype(after){{104, 0}})) << "a block says at most 1023 bytes";
}

TEST_F(SoundFormsTest, another_generation_has_another_clock) {
  store(100, 960);
  const auto blocks = made(store(101, 1920, 3, 2));
  EXPECT_EQ(blocks, (decltype(blocks){{101, 0}}));
}

TEST_F(SoundFormsTest, each_form_is_made_once) {
  store(100, 960);
  const MediaPacket& packet = store(101, 1920);
  const Bytes once = forms_.redundant(packet, history_, 2);
  const Bytes twice = forms_.redundant(packet, history_, 2);
  EXPECT_EQ(once.data(), twice.data());
  EXPECT_EQ(once.size(), twice.size());
}

TEST_F(SoundFormsTest, redundancy_is_taken_off) {
  const std::vector<std::uint8_t> red = {0x80 | 111, 0x0f, 0, 2, 111, 1, 1, 7, 8, 9};
  const MediaPacket& packet = store_payload(100, 960, rtp::Codec::kRed, red);
  const Bytes plain = forms_.plain(packet);
  EXPECT_TRUE(std::ranges::equal(plain, std::vector<std::uint8_t>{7, 8, 9}));
  EXPECT_EQ(forms_.plain(packet).data(), plain.data());
  const auto blocks = made(store(101, 1920));
  EXPECT_EQ(blocks, (decltype(blocks){{7, 960}, {101, 0}})) << "a publisher may mix both";
}

TEST_F(SoundFormsTest, what_can_not_be_read_has_no_form) {
  const std::vector<std::uint8_t> cut = {0x80 | 111, 0x0f};
  EXPECT_TRUE(forms_.plain(store_payload(100, 960, rtp::Codec::kRed, cut)).empty());
  EXPECT_TRUE(sound_frame(store_payload(101, 960, rtp::Codec::kPcmu, cut)).empty());
}

TEST_F(SoundFormsTest, a_batch_has_an_end) {
  for (std::uint64_t i = 0; i < SoundForms::kPackets; ++i) {
    EXPECT_FALSE(forms_.redundant(store(100 + i, 960), history_, 2).empty());
  }
  const MediaPacket& more = store(100 + SoundForms::kPackets, 960);
  EXPECT_TRUE(forms_.redundant(more, history_, 2).empty());
  forms_.clear();
  EXPECT_FALSE(forms_.redundant(more, history_, 2).empty());
}

}  // namespace
}  // namespace meridian::forward
