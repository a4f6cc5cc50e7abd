// The load client's side of session descriptions.
#include "support/livekit_offer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace meridian::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// In the manner of servers that offer: codecs that aren't spoken here, and an address apart.
constexpr std::string_view kOffer =
    "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1 2 3\r\n"
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=setup:actpass\r\n"
    "a=mid:0\r\na=sendrecv\r\na=sctp-port:5000\r\na=ice-ufrag:theirs\r\na=ice-pwd:secret\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 98 96 97\r\nc=IN IP4 0.0.0.0\r\na=setup:actpass\r\na=mid:1\r\n"
    "a=ice-ufrag:theirs\r\na=ice-pwd:secret\r\na=rtcp-mux\r\na=rtpmap:98 VP9/90000\r\n"
    "a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack pli\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 "
    "apt=96\r\n"
    "a=extmap:2 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n"
    "a=extmap:5 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
    "a=ssrc:77 cname:x\r\na=msid:PA_1|TR_1 TR_1\r\na=sendonly\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 8\r\na=mid:2\r\na=rtpmap:8 PCMA/8000\r\na=sendonly\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:3\r\na=rtpmap:111 opus/48000/2\r\na=inactive\r\n";

std::string answer() {
  return answer_to(kOffer, {.ufrag = "mine", .password = "own"}, {});
}

TEST(AnswerTo, takes_what_is_spoken_and_nothing_else) {
  EXPECT_THAT(answer(), HasSubstr("m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n"));
  EXPECT_THAT(answer(), HasSubstr("a=rtcp-fb:96 nack pli\r\n"));
  EXPECT_THAT(answer(), HasSubstr("a=extmap:2 http"));
  EXPECT_THAT(answer(), Not(HasSubstr("VP9")));
  EXPECT_THAT(answer(), Not(HasSubstr("sdes:mid")));
  EXPECT_THAT(answer(), HasSubstr("m=audio 0 UDP/TLS/RTP/SAVPF 8\r\n")) << "rejected";
}

TEST(AnswerTo, receives_what_is_sent_and_keeps_the_rest_still) {
  const std::string text = answer();
  EXPECT_THAT(text.substr(text.find("m=video"), 600), HasSubstr("a=recvonly\r\n"));
  EXPECT_THAT(text.substr(text.find("SAVPF 111")), HasSubstr("a=inactive\r\n"));
  EXPECT_THAT(text.substr(0, text.find("m=video")), Not(HasSubstr("recvonly"))) << "of data";
  EXPECT_THAT(text, HasSubstr("a=sctp-port:5000\r\n"));
}

TEST(AnswerTo, has_a_transport_of_its_own) {
  EXPECT_THAT(answer(), HasSubstr("a=ice-ufrag:mine\r\n"));
  EXPECT_THAT(answer(), HasSubstr("a=setup:active\r\n"));
  EXPECT_THAT(answer(), Not(HasSubstr("theirs")));
  EXPECT_THAT(answer(), Not(HasSubstr("ssrc")));
}

TEST(Answer, is_sent_where_the_server_says_that_it_sends) {
  const std::string_view two =
      "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ssrc:5 cname:x\r\na=msid:s TR_1\r\n"
      "a=sendrecv\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=inactive\r\n";
  const Answer read = Answer::parse(two);
  ASSERT_EQ(read.sections.size(), 2U);
  EXPECT_TRUE(read.sections[0].server_sends);
  EXPECT_EQ(read.sections[0].track_sid, "TR_1");
  EXPECT_EQ(read.sections[0].ssrc, Ssrc(5));
  EXPECT_FALSE(read.sections[1].server_sends);
}

TEST(CandidateAddress, is_read_from_a_line_and_from_json) {
  const SocketAddress expected{IpAddress::v4({127, 0, 0, 1}), 7882};
  EXPECT_EQ(candidate_address("a=candidate:1 1 udp 2130706431 127.0.0.1 7882 typ host"), expected);
  EXPECT_EQ(
      candidate_address(R"({"candidate":"candidate:28 1 udp 1 127.0.0.1 7882 typ host ufrag x"})"),
      expected);
}

TEST(CandidateAddress, is_nothing_without_udp_or_an_address) {
  EXPECT_FALSE(candidate_address("a=candidate:1 1 tcp 1 127.0.0.1 7881 typ host tcptype passive"));
  EXPECT_FALSE(candidate_address("candidate:1 1 udp 1 name.local 7882 typ host"));
  EXPECT_FALSE(candidate_address(""));
}

}  // namespace
}  // namespace meridian::test
