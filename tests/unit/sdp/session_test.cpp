// Goal: what is written is read back as the same value, and no value can leave its line.

#include "sdp/session.hpp"

#include <gtest/gtest.h>

#include "unit/sdp/fixtures.hpp"

namespace meridian::sdp {
namespace {

TEST(Session, is_read_back_as_it_was_written) {
  for (const char* name : {"chromium_join", "chromium_publish", "chromium_stopped",
                           "chromium_sendrecv", "firefox_publish"}) {
    const auto session = parse(tests::offer_fixture(name));
    ASSERT_TRUE(session.has_value()) << name;
    const auto again = parse(session->to_string());
    ASSERT_TRUE(again.has_value()) << name;
    EXPECT_EQ(*again, *session) << name;
  }
}

TEST(Session, writes_everything_that_is_modelled) {
  Session session;
  session.id = 7;
  session.version = 8;
  session.bundles = {{"0"}, {}};
  session.ice_lite = true;
  session.extmap_allow_mixed = true;
  session.msid_semantic = "WMS *";
  session.transport.ice_ufrag = "abcd";
  MediaSection& media = session.media.emplace_back();
  media.kind = Kind::kVideo;
  media.protocol = "UDP/TLS/RTP/SAVPF";
  media.formats = {"96"};
  media.mid = "0";
  media.direction = Direction::kInactive;
  media.transport = {.ice_ufrag = "u",
                     .ice_pwd = "p",
                     .ice_options = {"trickle", "ice2"},
                     .fingerprints = {"sha-256 00", "sha-1 00"},
                     .setup = Setup::kHoldconn};
  media.extensions = {{3, Direction::kRecvOnly, "urn:x"}};
  media.feedback = {{std::nullopt, "nack"}, {PayloadType(96), "ccm fir"}};
  media.rids = {{"q", RidDirection::kRecv, "max-width=320"}};
  media.simulcast.send = {{{"a", true}, {"b", false}}, {{"c", false}}};
  media.simulcast.recv = {{{"q", false}}};
  media.ssrcs = {{Ssrc(1), "cname", "x"}, {Ssrc(2), "flag", ""}};
  media.ssrc_groups = {{"FID", {Ssrc(1), Ssrc(2)}}};
  media.msids = {{"stream", "track"}, {"alone", ""}};
  media.candidates = {{"1", 1, "udp", 5, "192.0.2.1", 9, "host", ""}};
  media.end_of_candidates = media.bundle_only = media.extmap_allow_mixed = true;
  MediaSection& other = session.media.emplace_back();
  other.kind = Kind::kOther;
  other.other_kind = "text";
  other.port = 0;
  other.protocol = "RTP/AVP";
  other.formats = {"t140"};
  MediaSection& data = session.media.emplace_back();
  data.kind = Kind::kApplication;
  data.protocol = "UDP/DTLS/SCTP";
  data.formats = {"webrtc-datachannel"};
  data.sctp_port = 5000;
  data.max_message_size = 1;

  const auto again = parse(session.to_string());
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(*again, session);
}

TEST(Session, lets_no_value_begin_a_line_of_its_own) {
  Session session;
  MediaSection& media = session.media.emplace_back();
  media.kind = Kind::kAudio;
  media.protocol = "UDP/TLS/RTP/SAVPF";
  media.formats = {"111"};
  media.msids = {{"Eve\r\na=candidate:1 1 udp 1 203.0.113.1 9 typ host", "t\nm=video\r"}};
  media.ssrcs = {{Ssrc(1), "cname", std::string("\0\r\na=x", 6)}};
  const std::string text = session.to_string();
  EXPECT_EQ(text.find("\na=candidate"), std::string::npos);
  EXPECT_EQ(text.find("\nm=video"), std::string::npos);
  EXPECT_EQ(text.find("\na=x"), std::string::npos);
  EXPECT_EQ(text.find('\0'), std::string::npos);
}

TEST(Session, directions_are_reversed_for_the_other_side) {
  EXPECT_EQ(reversed(Direction::kSendOnly), Direction::kRecvOnly);
  EXPECT_EQ(reversed(Direction::kRecvOnly), Direction::kSendOnly);
  EXPECT_EQ(reversed(Direction::kSendRecv), Direction::kSendRecv);
  EXPECT_EQ(reversed(Direction::kInactive), Direction::kInactive);
}

TEST(Session, every_error_has_words) {
  for (int i = 0; i <= static_cast<int>(SdpError::kMalformedAttribute); ++i) {
    EXPECT_NE(to_string(static_cast<SdpError>(i)), "unknown");
  }
}

}  // namespace
}  // namespace meridian::sdp
