#include "rtcp/text.hpp"

#include <set>

#include <gtest/gtest.h>

namespace meridian::rtcp {
namespace {

TEST(RtcpText, names_every_parse_error_differently) {
  std::set<std::string_view> names;
  for (int i = 0; i < static_cast<int>(ParseError::kCount); ++i) {
    names.insert(to_text(static_cast<ParseError>(i)));
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(ParseError::kCount));
  EXPECT_FALSE(names.contains("unknown"));
}

TEST(RtcpText, writes_one_line_for_each_packet) {
  EXPECT_EQ(to_text(Packet(PictureLoss{Ssrc(1), Ssrc(2)})), "PLI 2");
  EXPECT_EQ(to_text(Packet(Skipped{207})), "type 207");
}

}  // namespace
}  // namespace meridian::rtcp
