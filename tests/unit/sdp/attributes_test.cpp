// Goal: each attribute has one accepted form and refuses everything beside it. Table-driven.

#include "sdp/attributes.hpp"

#include <gtest/gtest.h>

namespace meridian::sdp {
namespace {

bool accepts(std::string_view name, std::string_view value) {
  MediaSection media;
  return read_media_attribute(media, name, value);
}

TEST(Attributes, refuse_values_outside_their_grammar_or_range) {
  const std::pair<const char*, const char*> malformed[] = {
      {"mid", ""},
      {"mid", "a b"},
      {"rtpmap", "128 opus/48000/2"},
      {"rtpmap", "111 opus"},
      {"rtpmap", "111 opus/4294967296"},
      {"rtpmap", "111 opus/0"},
      {"rtpmap", "111 opus/48000/0"},
      {"rtpmap", "111 opus/48000/256"},
      {"rtpmap", "111 /48000"},
      {"rtpmap", "x opus/48000"},
      {"fmtp", "111"},
      {"fmtp", "-1 a=b"},
      {"rtcp-fb", "96"},
      {"rtcp-fb", "x nack"},
      {"extmap", "0 urn:x"},
      {"extmap", "256 urn:x"},
      {"extmap", "4352 urn:x"},
      {"extmap", "65536 urn:x"},
      {"extmap", "1/sideways urn:x"},
      {"extmap", "1"},
      {"rid", "q"},
      {"rid", "q sideways"},
      {"simulcast", ""},
      {"simulcast", "send"},
      {"simulcast", "send q;;f"},
      {"simulcast", "send ~"},
      {"simulcast", "sideways q"},
      {"ssrc", "4294967296 cname:x"},
      {"ssrc", "1"},
      {"ssrc-group", "FID"},
      {"ssrc-group", "FID 1 x"},
      {"msid", ""},
      {"msid", "stream track more"},
      {"candidate", "1 1 udp 4294967296 192.0.2.1 9 typ host"},
      {"candidate", "1 1 udp 1 192.0.2.1 65536 typ host"},
      {"candidate", "1 1 udp 1 192.0.2.1 9 host"},
      {"candidate", "1 1 udp 1 192.0.2.1"},
      {"sctp-port", "65536"},
      {"sctp-port", " 5000"},
      {"max-message-size", "-1"},
      {"setup", "perhaps"},
      {"ice-ufrag", ""},
      {"ice-pwd", ""},
      {"ice-options", ""},
      {"fingerprint", ""},
  };
  for (const auto& [name, value] : malformed) {
    EXPECT_FALSE(accepts(name, value)) << name << ':' << value;
  }
}

TEST(Attributes, keep_the_parts_of_a_candidate) {
  MediaSection media;
  ASSERT_TRUE(read_media_attribute(
      media, "candidate",
      "842163049 1 udp 1677729535 203.0.113.7 4711 typ srflx raddr 0.0.0.0 rport 0 generation 0"));
  const Candidate& candidate = media.candidates.at(0);
  EXPECT_EQ(candidate.foundation, "842163049");
  EXPECT_EQ(candidate.priority, 1677729535U);
  EXPECT_EQ(candidate.port, 4711);
  EXPECT_EQ(candidate.type, "srflx");
  EXPECT_EQ(candidate.rest, "raddr 0.0.0.0 rport 0 generation 0");
}

TEST(Attributes, read_alternatives_and_pauses_of_simulcast) {
  MediaSection media;
  ASSERT_TRUE(read_media_attribute(media, "simulcast", "send 1,~2;3 recv 4"));
  ASSERT_EQ(media.simulcast.send.size(), 2U);
  EXPECT_EQ(media.simulcast.send[0], (std::vector<SimulcastRid>{{"1", false}, {"2", true}}));
  EXPECT_EQ(media.simulcast.recv[0][0].id, "4");
  EXPECT_FALSE(read_media_attribute(media, "simulcast", "send 1"));  // only once
}

TEST(Attributes, read_a_line_of_simulcast_for_each_direction) {
  MediaSection media;
  ASSERT_TRUE(read_media_attribute(media, "simulcast", "recv q;h"));
  ASSERT_TRUE(read_media_attribute(media, "simulcast", "send q;h;f"));
  EXPECT_EQ(media.simulcast.send.size(), 3U);
  EXPECT_EQ(media.simulcast.recv.size(), 2U);
  EXPECT_FALSE(read_media_attribute(media, "simulcast", "recv q"));
}

TEST(Attributes, read_feedback_for_all_formats) {
  MediaSection media;
  ASSERT_TRUE(read_media_attribute(media, "rtcp-fb", "* nack pli"));
  EXPECT_EQ(media.feedback.at(0), (RtcpFeedback{std::nullopt, "nack pli"}));
}

TEST(Attributes, take_the_spare_extension_ids_of_an_offer) {
  EXPECT_TRUE(accepts("extmap", "4096 urn:x"));
  EXPECT_TRUE(accepts("extmap", "4351/recvonly urn:x"));
}

TEST(Attributes, of_rtp_mean_nothing_in_a_data_section) {
  MediaSection media;
  media.kind = Kind::kApplication;
  EXPECT_TRUE(read_media_attribute(media, "fmtp", "webrtc-datachannel max-message-size=100000"));
  EXPECT_TRUE(media.format_parameters.empty());
}

}  // namespace
}  // namespace meridian::sdp
