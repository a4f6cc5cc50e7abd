#include "meeting/client_traits.hpp"

#include <algorithm>

#include <gtest/gtest.h>

namespace meridian::meeting {
namespace {

livekit::ClientInfo client(const std::string& browser, const std::string& version,
                           const std::string& os) {
  livekit::ClientInfo info;
  info.set_browser(browser);
  info.set_browser_version(version);
  info.set_os(os);
  return info;
}

TEST(ClientTraits, chromium_and_native_clients_have_no_exceptions) {
  for (const auto& info : {client("Chrome", "131.0", "Windows"), livekit::ClientInfo()}) {
    EXPECT_TRUE(plays_red(info));
    EXPECT_TRUE(reuses_sections(info));
    EXPECT_FALSE(client_configuration(info).has_disabled_codecs());
    EXPECT_EQ(without_disabled({rtp::Codec::kOpus, rtp::Codec::kRed}, info).size(), 2U);
  }
}

TEST(ClientTraits, safari_has_no_av1_and_lately_no_vp9) {
  const auto old = client_configuration(client("Safari", "17.4", "macOS")).disabled_codecs();
  ASSERT_EQ(old.codecs_size(), 1);
  EXPECT_EQ(old.codecs(0).mime(), "video/AV1");
  EXPECT_EQ(old.publish_size(), 0);
  EXPECT_EQ(client_configuration(client("Safari", "18.4", "iOS")).disabled_codecs().publish_size(),
            1);
  EXPECT_EQ(client_configuration(client("safari", "18.10", "iOS")).disabled_codecs().publish_size(),
            1);
  EXPECT_FALSE(plays_red(client("Safari", "18.4", "iOS")));
  EXPECT_FALSE(reuses_sections(client("Safari", "18.4", "iOS")));
}

TEST(ClientTraits, firefox_of_linux_publishes_no_h264) {
  const auto linux = client("Firefox", "140.0", "Linux");
  const auto codecs = without_disabled(
      {rtp::Codec::kOpus, rtp::Codec::kRed, rtp::Codec::kVp8, rtp::Codec::kH264}, linux);
  EXPECT_EQ(codecs, (std::vector{rtp::Codec::kOpus, rtp::Codec::kVp8}));
  const auto windows = client("Firefox", "140.0", "Windows");
  EXPECT_EQ(without_disabled({rtp::Codec::kH264}, windows).size(), 1U);
}

}  // namespace
}  // namespace meridian::meeting
