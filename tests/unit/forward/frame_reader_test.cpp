#include "forward/frame_reader.hpp"

#include <gtest/gtest.h>

#include "unit/forward/samples.hpp"

namespace meridian::forward {
namespace {

using test::at;

class FrameReaderTest : public testing::Test {
 protected:
  MediaPacket read(const std::vector<std::uint8_t>& packet, rtp::Codec codec) {
    packets_.push_back(packet);
    const auto view = rtp::PacketView::parse(packets_.back());
    return reader_.read(*view, map_,
                        {.sequence = ExtendedSequence(sequence_++),
                         .generation = 4,
                         .arrival = at(1s),
                         .codec = codec,
                         .payload = view->payload()});
  }
  std::vector<std::uint8_t> packet(const std::vector<std::uint8_t>& payload,
                                   std::uint32_t timestamp = 1000) const {
    return test::rtp_packet({.timestamp = timestamp, .marker = true, .extensions = extensions_},
                            payload);
  }

  FrameReader reader_;
  rtp::ExtensionMap map_;
  std::vector<std::pair<std::uint8_t, std::vector<std::uint8_t>>> extensions_;
  std::vector<std::vector<std::uint8_t>> packets_;
  std::uint64_t sequence_ = 70'000;
};

TEST_F(FrameReaderTest, reads_vp8_without_a_dependency_descriptor) {
  const MediaPacket key = read(packet(test::vp8_payload({.is_key = true,
                                                         .picture_id = 300,
                                                         .tl0 = 5,
                                                         .temporal = 2,
                                                         .is_sync = true,
                                                         .key_index = 17})),
                               rtp::Codec::kVp8);
  EXPECT_TRUE(key.starts_key_frame);
  EXPECT_TRUE(key.starts_frame);
  EXPECT_TRUE(key.ends_frame);
  EXPECT_TRUE(key.is_temporal_switch);
  EXPECT_EQ(key.temporal, 2);
  EXPECT_EQ(key.picture.picture_id, 300);
  EXPECT_EQ(key.picture.picture_id_bits, 15);
  EXPECT_EQ(key.picture.tl0_picture_index, 5);
  EXPECT_EQ(key.picture.key_index, 17);
  EXPECT_EQ(key.generation, 4U);
  const MediaPacket delta = read(packet(test::vp8_payload({})), rtp::Codec::kVp8);
  EXPECT_FALSE(delta.starts_key_frame);
}

TEST_F(FrameReaderTest, a_key_frame_of_h264_begins_once) {
  const std::vector<std::uint8_t> sps = {0x67, 1, 2, 3};
  const std::vector<std::uint8_t> idr = {0x65, 1, 2, 3};
  EXPECT_TRUE(read(packet(sps), rtp::Codec::kH264).starts_key_frame);
  EXPECT_FALSE(read(packet(idr), rtp::Codec::kH264).starts_key_frame);
  EXPECT_TRUE(read(packet(sps, 4000), rtp::Codec::kH264).starts_key_frame);
}

TEST_F(FrameReaderTest, a_key_frame_of_h264_does_not_begin_behind_its_parameter_sets) {
  const std::vector<std::uint8_t> sps = {0x67, 1, 2, 3};
  const std::vector<std::uint8_t> idr = {0x65, 0x88, 2, 3};
  const std::vector<std::uint8_t> delta = {0x61, 0x88, 2, 3};
  EXPECT_FALSE(read(packet(idr), rtp::Codec::kH264).starts_key_frame) << "what was before it?";
  (void)read(packet(delta, 4000), rtp::Codec::kH264);
  const std::uint64_t lost = sequence_++;
  EXPECT_FALSE(read(packet(idr, 7000), rtp::Codec::kH264).starts_key_frame);
  sequence_ = lost;
  EXPECT_TRUE(read(packet(sps, 7000), rtp::Codec::kH264).starts_key_frame) << "sent again";
}

TEST_F(FrameReaderTest, a_key_frame_of_h264_without_parameter_sets_begins_at_its_time) {
  const std::vector<std::uint8_t> idr = {0x65, 0x88, 2, 3};
  const std::vector<std::uint8_t> delta = {0x61, 0x88, 2, 3};
  (void)read(packet(delta), rtp::Codec::kH264);
  EXPECT_TRUE(read(packet(idr, 4000), rtp::Codec::kH264).starts_key_frame);
  EXPECT_FALSE(read(packet(idr, 4000), rtp::Codec::kH264).starts_key_frame) << "its second slice";
}

TEST_F(FrameReaderTest, audio_can_begin_anywhere) {
  const MediaPacket audio = read(packet({1, 2, 3}), rtp::Codec::kOpus);
  EXPECT_TRUE(audio.starts_key_frame);
  EXPECT_TRUE(audio.starts_frame);
}

TEST_F(FrameReaderTest, padding_is_no_frame) {
  const MediaPacket padding = read(packet({}), rtp::Codec::kVp8);
  EXPECT_FALSE(padding.starts_frame);
  EXPECT_FALSE(padding.starts_key_frame);
  EXPECT_TRUE(padding.payload.empty());
}

TEST_F(FrameReaderTest, carries_the_extensions_that_travel) {
  map_.set(rtp::Extension::kAudioLevel, 1);
  map_.set(rtp::Extension::kAbsCaptureTime, 2);
  map_.set(rtp::Extension::kVideoOrientation, 3);
  extensions_ = {{1, {0x83}}, {2, {1, 2, 3, 4, 5, 6, 7, 8}}, {3, {2}}};
  const MediaPacket packet_read = read(packet({1}), rtp::Codec::kOpus);
  EXPECT_EQ(packet_read.extensions.audio_level, 0x83);
  EXPECT_EQ(packet_read.extensions.video_orientation, 2);
  EXPECT_EQ(packet_read.extensions.capture_time_size, 8);
  EXPECT_EQ(packet_read.extensions.capture_time[7], 8);
}

TEST_F(FrameReaderTest, ignores_extensions_of_a_wrong_size) {
  map_.set(rtp::Extension::kAudioLevel, 1);
  map_.set(rtp::Extension::kAbsCaptureTime, 2);
  extensions_ = {{1, {1, 2}}, {2, {1, 2, 3}}};
  const MediaPacket packet_read = read(packet({1}), rtp::Codec::kOpus);
  EXPECT_FALSE(packet_read.extensions.audio_level);
  EXPECT_EQ(packet_read.extensions.capture_time_size, 0);
}

// A structure with one spatial and two temporal layers: AV1 RTP specification, appendix A.8.
std::vector<std::uint8_t> structure_l1t2(std::uint16_t frame_number) {
  // starts, ends, template 0, frame number | structure: see the bits below.
  std::vector<bool> bits;
  const auto put = [&](std::uint32_t value, int width) {
    for (int i = width - 1; i >= 0; --i) {
      bits.push_back(((value >> i) & 1U) != 0);
    }
  };
  put(1, 1);              // start_of_frame
  put(1, 1);              // end_of_frame
  put(0, 6);              // template id
  put(frame_number, 16);  // frame number
  put(1, 1);              // template_dependency_structure_present
  put(0, 1);              // active_decode_targets_present
  put(0, 1);              // custom_dtis
  put(0, 1);              // custom_fdiffs
  put(0, 1);              // custom_chains
  put(0, 6);              // template_id_offset
  put(1, 5);              // decode targets - 1
  put(1, 2);              // next template: temporal layer + 1
  put(3, 2);              // no more templates
  for (int i = 0; i < 2; ++i) {
    put(2, 2);  // template 0: switch for both targets
  }
  put(0, 2);  // template 1: not present in target 0
  put(2, 2);  //             switch in target 1
  put(0, 1);  // template 0: no references
  put(1, 1);  // template 1: one
  put(0, 4);  //             the frame before
  put(0, 1);
  put(0, 2);  // chains: ns(3) = 0
  put(0, 1);  // no resolutions
  while (bits.size() % 8 != 0) {
    bits.push_back(false);
  }
  std::vector<std::uint8_t> bytes(bits.size() / 8);
  for (std::size_t i = 0; i < bits.size(); ++i) {
    bytes[i / 8] = static_cast<std::uint8_t>(bytes[i / 8] | ((bits[i] ? 1U : 0U) << (7 - i % 8)));
  }
  return bytes;
}

TEST_F(FrameReaderTest, the_dependency_descriptor_comes_first) {
  map_.set(rtp::Extension::kDependencyDescriptor, 7);
  const std::vector<std::uint8_t> payload = {0, 1, 2, 3};  // opaque
  extensions_ = {{7, structure_l1t2(10)}};
  const MediaPacket key = read(packet(payload), rtp::Codec::kVp9);
  EXPECT_TRUE(key.starts_key_frame);
  EXPECT_EQ(key.temporal, 0);
  EXPECT_FALSE(key.descriptor.empty());
  extensions_ = {{7, {0xc1, 0, 11}}};  // template 1
  const MediaPacket delta = read(packet(payload, 4000), rtp::Codec::kVp9);
  EXPECT_FALSE(delta.starts_key_frame);
  EXPECT_TRUE(delta.starts_frame);
  EXPECT_EQ(delta.temporal, 1);
  EXPECT_TRUE(delta.is_temporal_switch);
  EXPECT_TRUE(delta.unneeded.test(0, 0));
  EXPECT_TRUE(delta.unneeded.test(2, 0));
  EXPECT_FALSE(delta.unneeded.test(0, 1));
  EXPECT_FALSE(delta.unneeded.test(7, 7)) << "the highest target stands for all above it";
  EXPECT_EQ(key.unneeded, Unneeded{});
}

using Indication = rtp::DecodeTargetIndication;

/// Two spatial layers, of which each goes on from itself; target i is layer i.
rtp::DependencyStructure k_svc() {
  rtp::DependencyStructure structure;
  structure.decode_target_count = 2;
  structure.max_spatial = 1;
  structure.decode_targets[1].spatial = 1;
  return structure;
}

TEST(DecodeTargetMap, what_is_below_is_not_needed_where_layers_go_on_from_themselves) {
  DecodeTargetMap map;
  map.update(k_svc(), true, 0b11);
  rtp::DecodeTargetIndications lower;
  lower.set(0, Indication::kSwitch);
  lower.set(1, Indication::kNotPresent);
  EXPECT_FALSE(map.unneeded(lower).test(0, 3));
  EXPECT_TRUE(map.unneeded(lower).test(1, 0));
  EXPECT_TRUE(map.unneeded(lower).test(3, 3));
}

TEST(DecodeTargetMap, what_is_not_sent_any_more_needs_nothing) {
  DecodeTargetMap map;
  map.update(k_svc(), true, 0b11);
  map.update(k_svc(), false, 0b01);
  rtp::DecodeTargetIndications lower;
  lower.set(0, Indication::kSwitch);
  lower.set(1, Indication::kNotPresent);
  EXPECT_FALSE(map.unneeded(lower).test(1, 0)) << "the layer that is left is for everybody";
}

TEST_F(FrameReaderTest, without_its_structure_a_frame_is_no_key_frame) {
  map_.set(rtp::Extension::kDependencyDescriptor, 7);
  extensions_ = {{7, {0xc1, 0, 11}}};
  const auto payload = test::vp8_payload({.is_key = true});
  EXPECT_FALSE(read(packet(payload), rtp::Codec::kVp8).starts_key_frame);
}

TEST_F(FrameReaderTest, a_reset_forgets_the_structure) {
  map_.set(rtp::Extension::kDependencyDescriptor, 7);
  extensions_ = {{7, structure_l1t2(10)}};
  (void)read(packet({1, 2, 3}), rtp::Codec::kAv1);
  reader_.reset();
  extensions_ = {{7, {0xc1, 0, 11}}};
  EXPECT_EQ(read(packet({1, 2, 3}), rtp::Codec::kAv1).temporal, 0);
}

}  // namespace
}  // namespace meridian::forward
