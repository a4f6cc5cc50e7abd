#include "transport/datagram_kind.hpp"

#include <array>

#include <gtest/gtest.h>

namespace meridian::transport {
namespace {

TEST(DatagramKind, follows_the_first_byte_as_rfc_7983_says) {
  for (int first = 0; first < 256; ++first) {
    const std::array<std::uint8_t, 2> datagram = {static_cast<std::uint8_t>(first), 96};
    const DatagramKind expected = first <= 3                     ? DatagramKind::kStun
                                  : first >= 20 && first <= 63   ? DatagramKind::kDtls
                                  : first >= 128 && first <= 191 ? DatagramKind::kRtp
                                                                 : DatagramKind::kUnknown;
    EXPECT_EQ(classify(datagram), expected) << first;
  }
}

TEST(DatagramKind, tells_rtcp_by_its_packet_type) {
  for (int second = 0; second < 256; ++second) {
    const std::array<std::uint8_t, 2> datagram = {0x80, static_cast<std::uint8_t>(second)};
    const bool is_rtcp = second >= 192 && second <= 223;
    EXPECT_EQ(classify(datagram), is_rtcp ? DatagramKind::kRtcp : DatagramKind::kRtp) << second;
  }
}

TEST(DatagramKind, too_short_is_unknown) {
  EXPECT_EQ(classify({}), DatagramKind::kUnknown);
  EXPECT_EQ(classify(std::array<std::uint8_t, 1>{0x80}), DatagramKind::kUnknown);
}

}  // namespace
}  // namespace meridian::transport
