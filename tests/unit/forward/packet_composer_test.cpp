#include "forward/packet_composer.hpp"

#include <array>

#include <gtest/gtest.h>

#include "rtp/extensions.hpp"
#include "rtp/packet.hpp"
#include "rtp/vp8.hpp"
#include "unit/forward/samples.hpp"

namespace meridian::forward {
namespace {

using test::at;
using test::media;

class PacketComposerTest : public testing::Test {
 protected:
  rtp::PacketView composed(std::size_t length) {
    return *rtp::PacketView::parse(Bytes(buffer_).first(length));
  }
  SendFormat format_{.ssrc = Ssrc(7),
                     .payload_type = PayloadType(102),
                     .extensions = {},
                     .transport_sequence = {},
                     .now = at(1s)};
  Rewrite rewrite_{.sequence = ExtendedSequence(0x20003),
                   .timestamp = RtpTimestamp(5555),
                   .picture_id = 77,
                   .frame_number = 300,
                   .tl0_picture_index = 8,
                   .key_index = 9,
                   .marker = true};
  std::array<std::uint8_t, 1500> buffer_{};
};

TEST_F(PacketComposerTest, writes_the_numbers_of_the_subscriber) {
  const auto payload = test::vp8_payload({.picture_id = 1, .tl0 = 2, .key_index = 3});
  MediaPacket packet = media(99, 1, at(1s));
  packet.payload = payload;
  const auto out = composed(compose_packet(packet, rewrite_, format_, buffer_));
  EXPECT_EQ(out.ssrc(), Ssrc(7));
  EXPECT_EQ(out.payload_type(), PayloadType(102));
  EXPECT_EQ(out.sequence(), SequenceNumber(3));
  EXPECT_EQ(out.timestamp(), RtpTimestamp(5555));
  EXPECT_TRUE(out.marker());
  EXPECT_EQ(out.extension_count(), 0U);
  const auto descriptor = rtp::parse_vp8(out.payload());
  EXPECT_EQ(descriptor->picture_id, 77);
  EXPECT_EQ(descriptor->tl0_picture_index, 8);
  EXPECT_EQ(descriptor->key_index, 9);
  EXPECT_EQ(out.payload().size(), payload.size());
  EXPECT_EQ(payload[3], 1) << "the history's copy is not touched";
}

TEST_F(PacketComposerTest, only_negotiated_extensions_are_written) {
  const std::array<std::uint8_t, 4> descriptor = {0x80, 0x00, 0x05, 0x40};
  const std::array<std::uint8_t, 1> payload = {1};
  MediaPacket packet = media(99, 1, at(1s), rtp::Codec::kOpus);
  packet.payload = payload;
  packet.descriptor = descriptor;
  packet.extensions.audio_level = 0x85;
  packet.extensions.video_orientation = 1;
  packet.extensions.capture_time_size = 8;
  EXPECT_EQ(composed(compose_packet(packet, rewrite_, format_, buffer_)).extension_count(), 0U);

  format_.extensions.set(rtp::Extension::kAudioLevel, 1);
  format_.extensions.set(rtp::Extension::kVideoOrientation, 2);
  format_.extensions.set(rtp::Extension::kAbsCaptureTime, 3);
  format_.extensions.set(rtp::Extension::kDependencyDescriptor, 4);
  format_.extensions.set(rtp::Extension::kTransportSequence, 5);
  format_.extensions.set(rtp::Extension::kAbsSendTime, 6);
  format_.transport_sequence = SequenceNumber(1234);
  const auto out = composed(compose_packet(packet, rewrite_, format_, buffer_));
  EXPECT_EQ(out.extension_count(), 6U);
  EXPECT_EQ(out.extension(1)[0], 0x85);
  EXPECT_EQ(out.extension(2)[0], 1);
  EXPECT_EQ(out.extension(3).size(), 8U);
  EXPECT_EQ(load_u16(out.extension(4).data() + 1), 300);
  EXPECT_EQ(out.extension(4)[3], 0x40);
  EXPECT_EQ(rtp::read_transport_sequence(out.extension(5)), SequenceNumber(1234));
  EXPECT_EQ(rtp::read_abs_send_time(out.extension(6)), rtp::to_abs_send_time(at(1s)));
}

TEST_F(PacketComposerTest, the_rooms_playout_delay_goes_to_those_who_negotiated_it) {
  MediaPacket packet = media(99, 1, at(1s));
  const auto payload = test::vp8_payload({.picture_id = 1});
  packet.payload = payload;
  const std::size_t size = composed_size(packet, format_);
  format_.playout_delay = rtp::encode_playout_delay({.min = 1s, .max = 2s});
  EXPECT_EQ(composed_size(packet, format_), size) << "not negotiated";

  format_.extensions.set(rtp::Extension::kPlayoutDelay, 5);
  const auto out = composed(compose_packet(packet, rewrite_, format_, buffer_));
  EXPECT_EQ(rtp::read_playout_delay(out.extension(5)), (rtp::PlayoutDelay{1s, 2s}));
  const auto again =
      composed(compose_retransmission(packet, rewrite_, format_, SequenceNumber(7), buffer_));
  EXPECT_EQ(rtp::read_playout_delay(again.extension(5)), (rtp::PlayoutDelay{1s, 2s}));
  EXPECT_EQ(composed(compose_padding(format_, SequenceNumber(8), RtpTimestamp(1), buffer_))
                .extension_count(),
            0U);

  format_.playout_delay.reset();
  EXPECT_EQ(composed(compose_packet(packet, rewrite_, format_, buffer_)).extension_count(), 0U);
}

TEST_F(PacketComposerTest, a_long_dependency_descriptor_takes_the_two_byte_form) {
  std::vector<std::uint8_t> descriptor(90, 0x11);
  MediaPacket packet = media(99, 1, at(1s), rtp::Codec::kH264);
  packet.payload = descriptor;
  packet.descriptor = descriptor;
  format_.extensions.set(rtp::Extension::kDependencyDescriptor, 12);
  const auto out = composed(compose_packet(packet, rewrite_, format_, buffer_));
  EXPECT_EQ(out.extension(12).size(), 90U);
}

TEST_F(PacketComposerTest, a_retransmission_carries_the_original_number_first) {
  const auto payload = test::vp8_payload({.picture_id = 1});
  MediaPacket packet = media(99, 1, at(1s));
  packet.payload = payload;
  const auto out =
      composed(compose_retransmission(packet, rewrite_, format_, SequenceNumber(500), buffer_));
  EXPECT_EQ(out.sequence(), SequenceNumber(500));
  EXPECT_EQ(load_u16(out.payload().data()), 3);
  EXPECT_EQ(rtp::parse_vp8(out.payload().subspan(2))->picture_id, 77);
}

TEST_F(PacketComposerTest, padding_stands_behind_the_rewritten_payload) {
  const auto payload = test::vp8_payload({.picture_id = 1, .tl0 = 2, .key_index = 3});
  MediaPacket packet = media(99, 1, at(1s));
  packet.payload = payload;
  format_.extensions.set(rtp::Extension::kTransportSequence, 5);
  format_.transport_sequence = SequenceNumber(9);
  const std::size_t size = composed_size(packet, format_);
  EXPECT_EQ(compose_packet(packet, rewrite_, format_, buffer_), size);

  format_.padding = 7;
  EXPECT_EQ(compose_packet(packet, rewrite_, format_, buffer_), size + 7);
  const auto out = composed(size + 7);
  EXPECT_EQ(out.payload().size(), payload.size());
  EXPECT_EQ(rtp::parse_vp8(out.payload())->picture_id, 77);
}

TEST_F(PacketComposerTest, what_does_not_fit_is_not_written) {
  const std::vector<std::uint8_t> payload(1500);
  MediaPacket packet = media(99, 1, at(1s));
  packet.payload = payload;
  EXPECT_EQ(compose_packet(packet, rewrite_, format_, buffer_), 0U);
}

TEST(RenumberRedBlocks, changes_the_type_of_each_block) {
  // Two redundant headers of 4 bytes, the primary's of 1 (RFC 2198), then data.
  std::vector<std::uint8_t> payload = {0x80 | 111, 0, 0, 2, 0x80 | 111, 0, 0, 1, 111, 9, 9, 9};
  renumber_red_blocks(payload, PayloadType(96));
  EXPECT_EQ(payload,
            (std::vector<std::uint8_t>{0x80 | 96, 0, 0, 2, 0x80 | 96, 0, 0, 1, 96, 9, 9, 9}));
}

TEST(RenumberRedBlocks, stays_inside_of_a_malformed_payload) {
  std::vector<std::uint8_t> payload = {0xff, 0, 0};
  renumber_red_blocks(payload, PayloadType(96));
  EXPECT_EQ(payload[0], 0x80 | 96);
  renumber_red_blocks({}, PayloadType(96));
}

}  // namespace
}  // namespace meridian::forward
