#include "rtp/packet.hpp"

#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "unit/rtp/hex.hpp"

namespace meridian::rtp {
namespace {

using Buffer = std::vector<std::uint8_t>;

/// A packet of a fixed header, then `tail`; `first` and `second` are its first bytes.
Buffer packet_with(std::uint8_t first, const Buffer& tail) {
  Buffer bytes = {first, 0x60, 0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 2};
  bytes.insert(bytes.end(), tail.begin(), tail.end());
  return bytes;
}

/// A packet whose extension block has this profile and these elements (padded to whole words).
Buffer packet_with_block(std::uint16_t profile, Buffer elements, const Buffer& payload = {}) {
  elements.resize((elements.size() + 3) / 4 * 4);
  const auto words = static_cast<std::uint8_t>(elements.size() / 4);
  Buffer tail = {static_cast<std::uint8_t>(profile >> 8U), static_cast<std::uint8_t>(profile), 0,
                 words};
  tail.insert(tail.end(), elements.begin(), elements.end());
  tail.insert(tail.end(), payload.begin(), payload.end());
  return packet_with(0x90, tail);
}

ParseError error_of(const Buffer& bytes) {
  const auto packet = PacketView::parse(bytes);
  EXPECT_FALSE(packet);
  return packet ? ParseError{} : packet.error();
}

TEST(PacketView, reads_every_field_of_a_hand_made_packet) {
  const Buffer bytes =
      hex("b2 e0 1234 89abcdef 01020304 "  // V=2 P=1 X=1 CC=2, M=1 PT=96
          "0a0b0c0d 0e0f1011 "             // CSRCs
          "bede 0002 10ff 22aabbcc 0000 "  // one-byte form: id 1 of 1 byte, id 2 of 3 bytes
          "c0ffee 000003");                // payload, padding
  const auto packet = PacketView::parse(bytes);
  ASSERT_TRUE(packet);
  EXPECT_TRUE(packet->marker());
  EXPECT_EQ(packet->payload_type(), PayloadType(96));
  EXPECT_EQ(packet->sequence(), SequenceNumber(0x1234));
  EXPECT_EQ(packet->timestamp(), RtpTimestamp(0x89abcdef));
  EXPECT_EQ(packet->ssrc(), Ssrc(0x01020304));
  ASSERT_EQ(packet->csrc_count(), 2U);
  EXPECT_EQ(packet->csrc(0), Ssrc(0x0a0b0c0d));
  EXPECT_EQ(packet->csrc(1), Ssrc(0x0e0f1011));
  EXPECT_EQ(packet->header_size(), 32U);
  EXPECT_EQ(packet->padding_size(), 3U);
  EXPECT_EQ(Buffer(packet->payload().begin(), packet->payload().end()), hex("c0ffee"));
  ASSERT_EQ(packet->extension_count(), 2U);
  EXPECT_EQ(packet->extension(1)[0], 0xffU);
  EXPECT_EQ(packet->extension(2).size(), 3U);
  EXPECT_EQ(packet->extension_at(1).id, 2U);
  EXPECT_EQ(packet->extension_at(1).value.data(), bytes.data() + 27);
  EXPECT_FALSE(packet->has_extension(3));
  EXPECT_TRUE(packet->extension(3).empty());
  EXPECT_EQ(packet->bytes().size(), bytes.size());
}

TEST(PacketView, every_truncation_of_the_header_is_an_error) {
  const Buffer whole = hex("92 60 1234 89abcdef 01020304 0a0b0c0d 0e0f1011 bede 0001 10ff0000");
  ASSERT_TRUE(PacketView::parse(whole));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Buffer cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    const ParseError expected = size < 12   ? ParseError::kTooShort
                                : size < 20 ? ParseError::kCsrcPastEnd
                                            : ParseError::kExtensionPastEnd;
    EXPECT_EQ(error_of(cut), expected) << size;
  }
}

TEST(PacketView, takes_version_two_only) {
  for (unsigned first = 0; first < 256; ++first) {
    Buffer bytes = packet_with(static_cast<std::uint8_t>(first), Buffer(200, 0));
    bytes.back() = 1;  // for the padding bit
    EXPECT_EQ(PacketView::parse(bytes).has_value(), first >> 6U == 2) << first;
  }
  EXPECT_EQ(error_of(packet_with(0x40, {})), ParseError::kBadVersion);
}

TEST(PacketView, refuses_what_no_datagram_holds) {
  Buffer bytes = packet_with(0x80, Buffer(PacketView::kMaxSize - 12, 7));
  EXPECT_TRUE(PacketView::parse(bytes));
  bytes.push_back(0);
  EXPECT_EQ(error_of(bytes), ParseError::kTooLong);
}

TEST(PacketView, padding_must_lie_within_the_payload_for_every_value) {
  for (const std::size_t payload : {1U, 2U, 100U, 255U, 300U}) {
    for (unsigned padding = 0; padding < 256; ++padding) {
      Buffer tail(payload, 0xaa);
      tail.back() = static_cast<std::uint8_t>(padding);
      const Buffer bytes = packet_with(0xa0, tail);
      const auto packet = PacketView::parse(bytes);
      if (padding == 0 || padding > payload) {
        ASSERT_FALSE(packet) << payload << ' ' << padding;
        EXPECT_EQ(packet.error(), ParseError::kBadPadding);
      } else {
        ASSERT_TRUE(packet) << payload << ' ' << padding;
        EXPECT_EQ(packet->payload().size(), payload - padding);
      }
    }
  }
}

TEST(PacketView, padding_without_payload_is_an_error_although_the_header_ends_in_a_count) {
  EXPECT_EQ(error_of(packet_with(0xa0, {})), ParseError::kBadPadding);
  EXPECT_EQ(error_of(hex("b0 60 0001 00000001 00000002 bede 0001 10ff0001")),
            ParseError::kBadPadding);
}

TEST(PacketView, an_empty_extension_block_and_an_unknown_profile_have_no_elements) {
  for (const Buffer& bytes :
       {packet_with_block(0xbede, {}, {9}), packet_with_block(0x1000, {}, {9}),
        packet_with_block(0xabcd, {0x10, 0xff, 0x51, 0x22}, {9})}) {
    const auto packet = PacketView::parse(bytes);
    ASSERT_TRUE(packet);
    EXPECT_EQ(packet->extension_count(), 0U);
    EXPECT_EQ(packet->payload().size(), 1U);
  }
}

TEST(PacketView, id_15_ends_the_one_byte_form_and_keeps_what_precedes_it) {
  const Buffer bytes = packet_with_block(0xbede, hex("10aa ff 20bb ffffff"));
  const auto packet = PacketView::parse(bytes);
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->extension_count(), 1U);
  EXPECT_TRUE(packet->has_extension(1));
}

TEST(PacketView, id_0_with_a_length_ends_the_one_byte_form) {
  const Buffer bytes = packet_with_block(0xbede, hex("10aa 03 20bb ffff ff"));
  const auto packet = PacketView::parse(bytes);
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->extension_count(), 1U);
}

TEST(PacketView, id_15_is_an_ordinary_id_of_the_two_byte_form) {
  const Buffer bytes = packet_with_block(0x100f, hex("0f01aa 00 ff00 0102ffff"));
  const auto packet = PacketView::parse(bytes);
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->extension_count(), 3U);
  EXPECT_EQ(packet->extension(15)[0], 0xaaU);
  EXPECT_TRUE(packet->has_extension(255));
  EXPECT_TRUE(packet->extension(255).empty());
  EXPECT_EQ(packet->extension(1).size(), 2U);
}

TEST(PacketView, padding_between_elements_is_skipped) {
  const Buffer one = packet_with_block(0xbede, hex("0000 10aa 000000 20bb 000000"));
  EXPECT_EQ(PacketView::parse(one)->extension_count(), 2U);
  const Buffer two = packet_with_block(0x1000, hex("0000 0101aa 000000 0201bb 00"));
  EXPECT_EQ(PacketView::parse(two)->extension_count(), 2U);
}

TEST(PacketView, of_a_repeated_id_the_first_counts) {
  const Buffer bytes = packet_with_block(0xbede, hex("10aa 10bb"));
  const auto packet = PacketView::parse(bytes);
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->extension_count(), 1U);
  EXPECT_EQ(packet->extension(1)[0], 0xaaU);
}

TEST(PacketView, refuses_more_than_sixteen_different_ids) {
  Buffer elements;
  for (std::uint8_t id = 1; id <= 16; ++id) {
    elements.insert(elements.end(), {id, 0});
  }
  EXPECT_EQ(PacketView::parse(packet_with_block(0x1000, elements))->extension_count(), 16U);
  elements.insert(elements.end(), {16, 0});  // a repetition needs no place
  EXPECT_TRUE(PacketView::parse(packet_with_block(0x1000, elements)));
  elements.insert(elements.end(), {17, 0});
  EXPECT_EQ(error_of(packet_with_block(0x1000, elements)), ParseError::kTooManyExtensions);
}

/// One element alone in a block of `words`: what RFC 8285 makes of it. Nothing means an error.
std::optional<std::size_t> expected_count(bool two_byte, unsigned id, unsigned size,
                                          std::size_t words) {
  if (words == 0) {
    return 0;
  }
  const std::size_t room = words * 4 - (two_byte ? 2 : 1);
  const bool is_padding = id == 0;
  if (is_padding || (!two_byte && id == 15)) {
    return 0;
  }
  return size <= room ? std::optional<std::size_t>(1) : std::nullopt;
}

TEST(PacketView, every_one_byte_id_and_length_in_every_small_block) {
  for (unsigned head = 0; head < 256; ++head) {
    for (std::size_t words = 0; words <= 32; ++words) {
      Buffer elements(words * 4, 0);
      if (words > 0) {
        elements[0] = static_cast<std::uint8_t>(head);
      }
      const Buffer bytes = packet_with_block(0xbede, elements, {1, 2, 3});
      const auto packet = PacketView::parse(bytes);
      const unsigned size = (head & 0x0fU) + 1;
      const auto expected = expected_count(false, head >> 4U, size, words);
      ASSERT_EQ(packet.has_value(), expected.has_value()) << head << ' ' << words;
      if (packet) {
        ASSERT_EQ(packet->extension_count(), *expected);
        ASSERT_EQ(packet->payload().size(), 3U);
        ASSERT_TRUE(*expected == 0 || packet->extension_at(0).value.size() == size);
      } else {
        ASSERT_EQ(packet.error(), ParseError::kExtensionItemPastEnd);
      }
    }
  }
}

TEST(PacketView, every_two_byte_id_and_length_in_every_small_block) {
  for (unsigned id = 0; id < 256; ++id) {
    for (unsigned size = 0; size < 256; ++size) {
      for (std::size_t words = 0; words <= 32; words = words * 2 + 1) {
        Buffer elements(words * 4, 0);
        if (words > 0 && id != 0) {
          elements[0] = static_cast<std::uint8_t>(id);
          elements[1] = static_cast<std::uint8_t>(size);
        }
        const Buffer bytes = packet_with_block(0x1000, elements, {1});
        const auto packet = PacketView::parse(bytes);
        const auto expected = expected_count(true, id, size, words);
        ASSERT_EQ(packet.has_value(), expected.has_value()) << id << ' ' << size << ' ' << words;
        ASSERT_TRUE(!packet || packet->extension_count() == *expected);
      }
    }
  }
}

TEST(PacketView, a_two_byte_element_without_its_length_is_an_error) {
  EXPECT_EQ(error_of(packet_with_block(0x1000, {1, 1, 0xaa, 2})),
            ParseError::kExtensionItemPastEnd);
}

TEST(PacketView, random_bytes_never_give_views_outside_of_the_packet) {
  Rng rng(1);
  for (int round = 0; round < 50'000; ++round) {
    Buffer bytes(rng.below(80));
    for (auto& byte : bytes) {
      byte = static_cast<std::uint8_t>(rng.next());
    }
    if (bytes.size() > 16) {
      bytes[0] = static_cast<std::uint8_t>(0x90U | (bytes[0] & 0x20U));
      bytes[12] = round % 2 == 0 ? 0xbe : 0x10;
      bytes[13] = round % 2 == 0 ? 0xde : 0x00;
      bytes[14] = 0;
      bytes[15] &= 0x0fU;
    }
    const auto packet = PacketView::parse(bytes);
    if (!packet) {
      continue;
    }
    ASSERT_EQ(packet->header_size() + packet->payload().size() + packet->padding_size(),
              bytes.size());
    for (std::size_t i = 0; i < packet->extension_count(); ++i) {
      const Bytes value = packet->extension_at(i).value;
      ASSERT_GE(value.data(), bytes.data() + 16);
      ASSERT_LE(value.data() + value.size(), bytes.data() + packet->header_size());
    }
  }
}

TEST(MutablePacketView, changes_fields_in_place_and_nothing_else) {
  Buffer bytes = hex("90 60 0001 00000002 00000003 bede 0001 11aabb00 cafe");
  auto packet = MutablePacketView::parse(bytes);
  ASSERT_TRUE(packet);
  packet->set_marker(Marker::kSet);
  packet->set_payload_type(PayloadType(127));
  packet->set_sequence(SequenceNumber(0xfffe));
  packet->set_timestamp(RtpTimestamp(0x80000001));
  packet->set_ssrc(Ssrc(0xdeadbeef));
  packet->mutable_payload()[1] = 0xff;
  packet->mutable_extension(1)[0] = 0x77;
  EXPECT_TRUE(packet->mutable_extension(2).empty());
  EXPECT_EQ(bytes, hex("90 ff fffe 80000001 deadbeef bede 0001 1177bb00 caff"));
  EXPECT_TRUE(packet->marker());
  EXPECT_EQ(packet->ssrc(), Ssrc(0xdeadbeef));
  packet->set_marker(Marker::kClear);
  EXPECT_EQ(bytes[1], 0x7fU);
  Buffer broken = {0x80};
  EXPECT_EQ(MutablePacketView::parse(broken).error(), ParseError::kTooShort);
}

TEST(Classify, follows_rfc_7983_for_every_first_byte) {
  EXPECT_EQ(classify({}), PacketKind::kUnknown);
  for (unsigned first = 0; first < 256; ++first) {
    const Buffer bytes = {static_cast<std::uint8_t>(first), 96};
    const PacketKind expected = first <= 3                     ? PacketKind::kStun
                                : first >= 20 && first <= 63   ? PacketKind::kDtls
                                : first >= 64 && first <= 79   ? PacketKind::kTurn
                                : first >= 128 && first <= 191 ? PacketKind::kRtp
                                                               : PacketKind::kUnknown;
    EXPECT_EQ(classify(bytes), expected) << first;
  }
}

TEST(Classify, tells_rtcp_from_rtp_for_every_second_byte) {
  for (unsigned second = 0; second < 256; ++second) {
    const Buffer bytes = {0x81, static_cast<std::uint8_t>(second)};
    const bool expected = second >= 192 && second <= 223;
    EXPECT_EQ(is_rtcp(bytes), expected) << second;
    EXPECT_EQ(classify(bytes), expected ? PacketKind::kRtcp : PacketKind::kRtp) << second;
  }
  EXPECT_FALSE(is_rtcp(hex("41c8")));
  EXPECT_FALSE(is_rtcp(hex("81")));
  EXPECT_EQ(classify(hex("81")), PacketKind::kUnknown);
}

}  // namespace
}  // namespace meridian::rtp
