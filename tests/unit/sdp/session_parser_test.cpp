// Goal: whole descriptions of real clients parse, and nothing oversized or malformed does.

#include <gtest/gtest.h>

#include "sdp/session.hpp"
#include "unit/sdp/fixtures.hpp"

namespace meridian::sdp {
namespace {

using tests::offer_fixture;

constexpr std::string_view kHead = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";

std::string with(std::string_view lines) {
  return std::string(kHead) + std::string(lines);
}

SdpError error_of(const std::string& text) {
  const auto session = parse(text);
  EXPECT_FALSE(session.has_value());
  return session ? SdpError::kTooLarge : session.error();
}

TEST(SessionParser, reads_the_publishing_offer_of_chromium) {
  const auto session = parse(offer_fixture("chromium_publish"));
  ASSERT_TRUE(session.has_value());
  ASSERT_EQ(session->media.size(), 9U);
  EXPECT_TRUE(session->extmap_allow_mixed);
  ASSERT_EQ(session->bundles.size(), 1U);
  EXPECT_EQ(session->bundles[0].size(), 9U);

  const MediaSection& microphone = session->media[7];
  EXPECT_EQ(microphone.kind, Kind::kAudio);
  EXPECT_EQ(microphone.direction, Direction::kSendOnly);
  ASSERT_EQ(microphone.msids.size(), 1U);
  EXPECT_EQ(microphone.msids[0].track.size(), 36U);
  EXPECT_EQ(microphone.rtpmaps.front(), (RtpMap{PayloadType(111), "opus", 48000, 2}));

  const MediaSection& camera = session->media[8];
  EXPECT_EQ(camera.mid, "8");
  EXPECT_EQ(camera.rids, (std::vector<Rid>{{"q", RidDirection::kSend, ""},
                                           {"h", RidDirection::kSend, ""},
                                           {"f", RidDirection::kSend, ""}}));
  ASSERT_EQ(camera.simulcast.send.size(), 3U);
  EXPECT_EQ(camera.simulcast.send[2][0].id, "f");
  EXPECT_TRUE(camera.rtcp_mux);
  EXPECT_TRUE(camera.rtcp_rsize);
  EXPECT_EQ(camera.transport.setup, Setup::kActpass);
  EXPECT_EQ(camera.transport.fingerprints.size(), 1U);

  const MediaSection& data = session->media[6];
  EXPECT_EQ(data.kind, Kind::kApplication);
  EXPECT_EQ(data.formats, std::vector<std::string>{"webrtc-datachannel"});
  EXPECT_EQ(data.sctp_port, 5000);
  EXPECT_EQ(data.max_message_size, 262144U);
}

TEST(SessionParser, reads_signalled_sources_of_an_offer_without_rids) {
  const auto session = parse(offer_fixture("chromium_sendrecv"));
  ASSERT_TRUE(session.has_value());
  const MediaSection& video = session->media.at(1);
  ASSERT_EQ(video.ssrc_groups.size(), 1U);
  EXPECT_EQ(video.ssrc_groups[0].semantics, "FID");
  EXPECT_EQ(video.ssrc_groups[0].ssrcs.size(), 2U);
  EXPECT_EQ(video.ssrcs.front().ssrc, video.ssrc_groups[0].ssrcs[0]);
  EXPECT_EQ(video.ssrcs.front().attribute, "cname");
}

TEST(SessionParser, reads_an_offer_in_the_style_of_firefox) {
  const auto session = parse(offer_fixture("firefox_publish"));
  ASSERT_TRUE(session.has_value());
  EXPECT_EQ(session->transport.fingerprints.size(), 1U);
  EXPECT_EQ(session->transport.ice_options, std::vector<std::string>{"trickle"});
  EXPECT_EQ(session->msid_semantic, "WMS *");
  const MediaSection& camera = session->media.at(3);
  EXPECT_EQ(camera.extensions.back(),
            (ExtensionMapping{9, Direction::kSendOnly,
                              "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"}));
}

TEST(SessionParser, takes_the_direction_of_the_session_where_a_section_has_none) {
  const auto session = parse(with("a=recvonly\r\nm=audio 9 RTP/SAVPF 0\r\n"));
  ASSERT_TRUE(session.has_value());
  EXPECT_EQ(session->media[0].direction, Direction::kRecvOnly);
}

TEST(SessionParser, accepts_bare_line_feeds_and_a_last_empty_line) {
  EXPECT_TRUE(parse("v=0\no=- 1 2 IN IP4 0.0.0.0\ns=-\nt=0 0\n\n").has_value());
}

TEST(SessionParser, skips_what_is_not_modelled) {
  const auto session =
      parse(with("a=group:LS a b\r\na=tool:x\r\nb=AS:5\r\nm=audio 9 RTP/SAVPF 0\r\na=unknown:1\r\n"
                 "a=rtcp-xr:rcvr-rtt=all\r\n"));
  ASSERT_TRUE(session.has_value());
  EXPECT_TRUE(session->bundles.empty());
}

TEST(SessionParser, tells_a_bundle_only_section_from_a_rejected_one) {
  const auto session =
      parse(with("m=audio 0 RTP/SAVPF 0\r\nm=video 0 RTP/SAVPF 96\r\na=bundle-only\r\n"));
  ASSERT_TRUE(session.has_value());
  EXPECT_TRUE(session->media[0].is_rejected());
  EXPECT_FALSE(session->media[1].is_rejected());
}

TEST(SessionParser, refuses_what_does_not_begin_with_a_version) {
  EXPECT_EQ(error_of(""), SdpError::kMissingVersion);
  EXPECT_EQ(error_of("v=1\r\n"), SdpError::kMissingVersion);
  EXPECT_EQ(error_of("o=- 1 2 IN IP4 0.0.0.0\r\n"), SdpError::kMissingVersion);
}

TEST(SessionParser, refuses_control_characters) {
  EXPECT_EQ(error_of(with("a=tool:a\rb\r\n")), SdpError::kForbiddenByte);
  EXPECT_EQ(error_of(with(std::string_view("a=fmtp:1 a\0b\r\n", 15))), SdpError::kForbiddenByte);
  EXPECT_EQ(error_of(with("a=tool:\x7f\r\n")), SdpError::kForbiddenByte);
}

TEST(SessionParser, refuses_malformed_lines) {
  for (const char* line : {"x\r\n", "attribute\r\n", "\r\na=x\r\n", "o=- x 1 IN IP4 0.0.0.0\r\n",
                           "o=- 1 99999999999999999999 IN IP4 0.0.0.0\r\n"}) {
    EXPECT_EQ(error_of(with(line)), SdpError::kMalformedLine) << line;
  }
}

TEST(SessionParser, refuses_malformed_media_lines) {
  for (const char* line :
       {"m=\r\n", "m=audio\r\n", "m=audio 9\r\n", "m=audio 9 RTP/SAVPF\r\n",
        "m=audio 65536 RTP/SAVPF 0\r\n", "m=audio -1 RTP/SAVPF 0\r\n",
        "m=audio 9/2 RTP/SAVPF 0\r\n", "m=audio 17000 RTP/AVP 4294967296\r\n",
        "m=audio 9 RTP/SAVPF 128\r\n", "m=video 9 RTP/SAVPF x\r\n", "m=audio +9 RTP/SAVPF 0\r\n"}) {
    EXPECT_EQ(error_of(with(line)), SdpError::kMalformedMedia) << line;
  }
}

TEST(SessionParser, bounds_sections_attributes_formats_lines_and_size) {
  std::string sections;
  for (std::size_t i = 0; i <= kMaxSections; ++i) {
    sections += "m=audio 9 RTP/SAVPF 0\r\n";
  }
  EXPECT_EQ(error_of(with(sections)), SdpError::kTooManySections);

  std::string attributes = "m=audio 9 RTP/SAVPF 0\r\n";
  for (std::size_t i = 0; i <= kMaxAttributesPerSection; ++i) {
    attributes += "a=x\r\n";
  }
  EXPECT_EQ(error_of(with(attributes)), SdpError::kTooManyAttributes);

  std::string formats = "m=audio 9 RTP/SAVPF";
  for (std::size_t i = 0; i <= kMaxFormats; ++i) {
    formats += " 0";
  }
  EXPECT_EQ(error_of(with(formats + "\r\n")), SdpError::kMalformedMedia);
  EXPECT_EQ(error_of(with("a=" + std::string(kMaxLineSize, 'x') + "\r\n")), SdpError::kLineTooLong);
  EXPECT_EQ(error_of(std::string(kMaxSize + 1, 'v')), SdpError::kTooLarge);
}

TEST(SessionParser, survives_every_truncation_of_an_offer) {
  const std::string text = offer_fixture("chromium_publish");
  for (std::size_t size = 0; size < text.size(); size += 7) {
    (void)parse(std::string_view(text).substr(0, size));
  }
}

}  // namespace
}  // namespace meridian::sdp
