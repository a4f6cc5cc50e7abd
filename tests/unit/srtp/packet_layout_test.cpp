#include "srtp/packet_layout.hpp"

#include <gtest/gtest.h>

#include "support/hex.hpp"

namespace meridian::srtp {
namespace {

using test::from_hex;

TEST(PacketLayout, counts_csrcs_and_extension_to_the_header) {
  const auto plain = from_hex("8060000100000002aabbccdd");
  EXPECT_EQ(read_rtp_outside(plain)->header_size, 12U);
  EXPECT_EQ(read_rtp_outside(plain)->ssrc, Ssrc(0xaabbccdd));
  EXPECT_EQ(read_rtp_outside(plain)->sequence, SequenceNumber(1));
  const auto full = from_hex("9260000100000002aabbccdd0000000100000002bede0001510000ff07");
  EXPECT_EQ(read_rtp_outside(full)->header_size, 28U);
}

TEST(PacketLayout, refuses_headers_that_run_past_the_end) {
  EXPECT_FALSE(read_rtp_outside(from_hex("8060000100000002aabbcc")));
  EXPECT_FALSE(read_rtp_outside(from_hex("4060000100000002aabbccdd")));
  EXPECT_FALSE(read_rtp_outside(from_hex("8160000100000002aabbccdd000000")));
  EXPECT_FALSE(read_rtp_outside(from_hex("9060000100000002aabbccddbede")));
  EXPECT_FALSE(read_rtp_outside(from_hex("9060000100000002aabbccddbede0002510000ff")));
  EXPECT_FALSE(read_rtcp_sender(from_hex("80c80006aabbcc")));
  EXPECT_FALSE(read_rtcp_sender(from_hex("00c80006aabbccdd")));
  EXPECT_EQ(read_rtcp_sender(from_hex("80c80006aabbccdd")), Ssrc(0xaabbccdd));
}

TEST(PacketLayout, takes_the_index_nearest_to_the_highest) {
  ReplayWindow<1024> window;
  EXPECT_EQ(packet_index(SequenceNumber(65000), window), 65000U);
  window.add(65000);
  EXPECT_EQ(packet_index(SequenceNumber(2), window), 65538U);
  window.add(65538);
  EXPECT_EQ(packet_index(SequenceNumber(65535), window), 65535U);
  EXPECT_EQ(packet_index(SequenceNumber(40000), window), 40000U);
}

TEST(PacketLayout, nothing_lies_before_the_beginning) {
  ReplayWindow<1024> window;
  window.add(2);
  EXPECT_FALSE(packet_index(SequenceNumber(65535), window));
}

}  // namespace
}  // namespace meridian::srtp
