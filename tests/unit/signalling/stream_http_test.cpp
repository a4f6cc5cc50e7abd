#include "signalling/stream_http.hpp"

#include <gtest/gtest.h>

namespace meridian::signalling {
namespace {

HttpRequest with_header(const std::string& name, const std::string& value) {
  HttpRequest request;
  request.headers = {{name, value}};
  return request;
}

TEST(StreamHttp, knows_its_paths) {
  EXPECT_EQ(parse_stream_path("/whip/v1")->kind, StreamKind::kIngest);
  EXPECT_EQ(parse_stream_path("/whep/v1")->session, "");
  const auto session = parse_stream_path("/whep/v1/PA_abc");
  ASSERT_TRUE(session);
  EXPECT_EQ(session->kind, StreamKind::kPlayout);
  EXPECT_EQ(session->session, "PA_abc");
  for (const char* path : {"/whip", "/whip/v1/", "/whip/v1/PA_a/b", "/whip/v2", "/whep/v11", "/"}) {
    EXPECT_FALSE(parse_stream_path(path)) << path;
  }
}

TEST(StreamHttp, compares_content_types_without_case_and_parameters) {
  EXPECT_TRUE(
      has_content_type(with_header("content-type", "Application/SDP; charset=utf-8"), kSdpType));
  EXPECT_FALSE(has_content_type(with_header("Content-Type", "application/sdpx"), kSdpType));
  EXPECT_FALSE(has_content_type({}, kSdpType));
}

TEST(StreamHttp, compares_entity_tags_strongly) {
  EXPECT_EQ(check_precondition({}, "ab"), Precondition::kMissing);
  EXPECT_EQ(check_precondition(with_header("If-Match", "*"), "ab"), Precondition::kAny);
  EXPECT_EQ(check_precondition(with_header("If-Match", "\"ab\""), "ab"), Precondition::kHolds);
  EXPECT_EQ(check_precondition(with_header("If-Match", "\"x\", \"ab\""), "ab"),
            Precondition::kHolds);
  EXPECT_EQ(check_precondition(with_header("If-Match", "W/\"ab\""), "ab"), Precondition::kFailed);
  EXPECT_EQ(check_precondition(with_header("If-Match", "ab"), "ab"), Precondition::kFailed);
}

TEST(StreamHttp, reads_fragments) {
  const auto trickle = parse_fragment(
      "a=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"
      "a=candidate:1 1 udp 2130706431 192.0.2.1 4000 typ host\r\na=end-of-candidates\r\n");
  ASSERT_TRUE(trickle);
  EXPECT_TRUE(trickle->credentials.ufrag.empty());
  const auto restart = parse_fragment(
      "a=ice-ufrag:EsAw\na=ice-pwd:bP+XJMM09aR8AiX1jdukzR6Y\nm=audio 9 UDP/TLS/RTP/SAVPF 0\n"
      "a=ice-ufrag:other\n");
  ASSERT_TRUE(restart);
  EXPECT_EQ(restart->credentials,
            (ice::Credentials{.ufrag = "EsAw", .password = "bP+XJMM09aR8AiX1jdukzR6Y"}));
}

TEST(StreamHttp, refuses_what_is_no_fragment) {
  for (const std::string text : {"", "\r\n", "{\"candidate\":1}", "a=x\r\n\r\na=y\r\n",
                                 "a=ice-ufrag:EsAw\r\n", "a=bell:\a\r\n"}) {
    EXPECT_FALSE(parse_fragment(text)) << text;
  }
  std::string long_one;
  for (std::size_t i = 0; i <= kMaxFragmentLines; ++i) {
    long_one += "a=mid:0\r\n";
  }
  EXPECT_FALSE(parse_fragment(long_one));
}

TEST(StreamHttp, rewrites_the_credentials_of_every_section) {
  EXPECT_EQ(with_credentials("v=0\r\na=ice-ufrag:old\r\nm=x\r\na=ice-ufrag:old\r\na=ice-pwd:p\r\n",
                             {.ufrag = "new", .password = "word"}),
            "v=0\r\na=ice-ufrag:new\r\nm=x\r\na=ice-ufrag:new\r\na=ice-pwd:word\r\n");
}

TEST(StreamHttp, a_restart_tells_the_transport_and_nothing_else) {
  EXPECT_EQ(restart_fragment("v=0\r\na=ice-lite\r\na=group:BUNDLE 0\r\nm=audio 9 X 111\r\n"
                             "a=rtpmap:111 opus/48000/2\r\na=mid:0\r\na=ice-ufrag:u\r\n"
                             "a=ice-pwd:p\r\na=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\n"
                             "a=end-of-candidates\r\nm=video 9 X 96\r\na=mid:1\r\n"),
            "a=ice-lite\r\na=group:BUNDLE 0\r\nm=audio 9 X 111\r\na=mid:0\r\na=ice-ufrag:u\r\n"
            "a=ice-pwd:p\r\na=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\n"
            "a=end-of-candidates\r\n");
}

sdp::MediaSection section(sdp::Kind kind, sdp::Direction direction) {
  sdp::MediaSection media;
  media.kind = kind;
  media.direction = direction;
  return media;
}

TEST(StreamHttp, announces_the_tracks_of_an_offer) {
  using enum sdp::Direction;
  sdp::Session offer;
  offer.media = {section(sdp::Kind::kAudio, kSendRecv), section(sdp::Kind::kVideo, kRecvOnly),
                 section(sdp::Kind::kVideo, kSendOnly), section(sdp::Kind::kVideo, kSendOnly),
                 section(sdp::Kind::kApplication, kSendRecv)};
  offer.media[2].rids = {{"l", sdp::RidDirection::kSend, ""}, {"h", sdp::RidDirection::kSend, ""}};
  const auto tracks = tracks_of(offer, false);
  ASSERT_EQ(tracks.size(), 3U);
  EXPECT_EQ(tracks[0].source(), livekit::MICROPHONE);
  EXPECT_FALSE(tracks[0].disable_red()) << "whoever doesn't know RED is given none";
  EXPECT_EQ(tracks[1].source(), livekit::CAMERA);
  EXPECT_EQ(tracks[1].layers_size(), 2);
  EXPECT_EQ(tracks[1].layers(0).quality(), livekit::LOW);
  EXPECT_EQ(tracks[2].source(), livekit::UNKNOWN);
  EXPECT_NE(tracks[1].cid(), tracks[2].cid());
  EXPECT_EQ(tracks_of(offer, true)[0].source(), livekit::SCREEN_SHARE_AUDIO);
  EXPECT_EQ(tracks_of(offer, true)[1].source(), livekit::SCREEN_SHARE);
  EXPECT_EQ(receivable(offer).audios, 1U);
  EXPECT_EQ(receivable(offer).videos, 1U);
}

std::vector<std::string> links(const livekit::ICEServer& server) {
  google::protobuf::RepeatedPtrField<livekit::ICEServer> servers;
  *servers.Add() = server;
  HttpResponse response;
  add_ice_links(response, servers);
  std::vector<std::string> values;
  for (const HttpHeader& header : response.headers) {
    EXPECT_EQ(header.name, "Link");
    values.push_back(header.value);
  }
  return values;
}

TEST(StreamHttp, names_ice_servers_one_link_for_each_url) {
  livekit::ICEServer server;
  server.add_urls("turns:turn.example:443?transport=tcp");
  server.add_urls("turn:turn.example:3478");
  server.set_username("1:ann");
  server.set_credential(R"(a"b\c)");
  const std::string rest =
      R"(; rel="ice-server"; username="1:ann"; credential="a\"b\\c"; credential-type="password")";
  EXPECT_EQ(links(server),
            (std::vector<std::string>{"<turns:turn.example:443?transport=tcp>" + rest,
                                      "<turn:turn.example:3478>" + rest}));
  livekit::ICEServer open;
  open.add_urls("stun:stun.example");
  EXPECT_EQ(links(open), (std::vector<std::string>{R"(<stun:stun.example>; rel="ice-server")"}));
}

TEST(StreamHttp, lets_no_ice_server_end_its_header) {
  livekit::ICEServer server;
  server.add_urls("turn:a.example>; rel=\"x\"");
  server.add_urls("turn:a.example\r\nX: y");
  server.add_urls("turn:b.example");
  EXPECT_EQ(links(server).size(), 1U);
  server.set_username("u\r\nX: y");
  server.set_credential("c");
  EXPECT_TRUE(links(server).empty());
}

}  // namespace
}  // namespace meridian::signalling
