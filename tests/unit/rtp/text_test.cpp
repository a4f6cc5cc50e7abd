#include "rtp/text.hpp"

#include <gtest/gtest.h>

#include "unit/rtp/hex.hpp"

namespace meridian::rtp {
namespace {

TEST(Text, a_packet_is_one_line) {
  const auto bytes = hex("b0 e0 0007 00015f90 0000002a bede 0002 13aabbccdd 300000 c0ffee 02 02");
  // id 1 of 4 bytes, id 3 of 1 byte
  EXPECT_EQ(to_text(*PacketView::parse(bytes)),
            "RTP ssrc=0x0000002a seq=7 ts=90000 pt=96 m=1 ext=1:4,3:1 payload=3 pad=2");
}

TEST(Text, a_packet_without_extensions) {
  const auto bytes = hex("80 00 ffff ffffffff ffffffff");
  EXPECT_EQ(to_text(*PacketView::parse(bytes)),
            "RTP ssrc=0xffffffff seq=65535 ts=4294967295 pt=0 m=0 ext=- payload=0 pad=0");
}

TEST(Text, names_of_codecs_are_those_of_sdp) {
  EXPECT_EQ(to_text(Codec::kVp8), "VP8");
  EXPECT_EQ(to_text(Codec::kVp9), "VP9");
  EXPECT_EQ(to_text(Codec::kH264), "H264");
  EXPECT_EQ(to_text(Codec::kAv1), "AV1");
  EXPECT_EQ(to_text(Codec::kOpus), "opus");
  EXPECT_EQ(to_text(Codec::kRed), "red");
  EXPECT_EQ(to_text(Codec::kPcmu), "PCMU");
  EXPECT_EQ(to_text(Codec::kPcma), "PCMA");
  EXPECT_EQ(to_text(Codec::kUnknown), "unknown");
}

TEST(Text, every_error_has_its_own_words) {
  EXPECT_EQ(to_text(ParseError::kTooShort), "too short");
  EXPECT_EQ(to_text(ParseError::kTooLong), "too long");
  EXPECT_EQ(to_text(ParseError::kBadVersion), "bad version");
  EXPECT_EQ(to_text(ParseError::kCsrcPastEnd), "CSRC list past the end");
  EXPECT_EQ(to_text(ParseError::kExtensionPastEnd), "extension block past the end");
  EXPECT_EQ(to_text(ParseError::kExtensionItemPastEnd), "extension element past its block");
  EXPECT_EQ(to_text(ParseError::kTooManyExtensions), "too many extensions");
  EXPECT_EQ(to_text(ParseError::kBadPadding), "bad padding");
}

}  // namespace
}  // namespace meridian::rtp
