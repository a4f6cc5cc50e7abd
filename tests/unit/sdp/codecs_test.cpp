// Goal: exactly the formats that can be forwarded are recognised, with their RTX and feedback.

#include "sdp/codecs.hpp"

#include <gtest/gtest.h>

#include "unit/sdp/fixtures.hpp"

namespace meridian::sdp {
namespace {

using rtp::Codec;

MediaSection section(std::string_view lines) {
  const auto session = parse("v=0\r\n" + std::string(lines));
  EXPECT_TRUE(session.has_value());
  return session ? session->media.at(0) : MediaSection{};
}

std::vector<Codec> kinds(const std::vector<OfferedCodec>& codecs) {
  std::vector<Codec> result;
  for (const OfferedCodec& codec : codecs) {
    result.push_back(codec.binding.codec);
  }
  return result;
}

TEST(Codecs, of_a_chromium_microphone) {
  const auto session = parse(tests::offer_fixture("chromium_publish"));
  const auto codecs = forwardable_codecs(session->media[7]);
  ASSERT_EQ(kinds(codecs), (std::vector{Codec::kOpus, Codec::kRed, Codec::kPcmu, Codec::kPcma}));
  EXPECT_EQ(codecs[0].binding.payload_type, PayloadType(111));
  EXPECT_EQ(codecs[0].binding.clock_rate, 48000U);
  EXPECT_TRUE(codecs[0].binding.transport_cc);
  EXPECT_FALSE(codecs[0].binding.nack);
  EXPECT_EQ(codecs[0].channels, 2);
  EXPECT_EQ(codecs[0].parameters, "minptime=10;useinbandfec=1");
  EXPECT_EQ(codecs[1].binding.payload_type, PayloadType(63));
  EXPECT_EQ(codecs[1].red_primary, PayloadType(111));
  EXPECT_EQ(codecs[1].parameters, "111/111");
}

TEST(Codecs, of_a_chromium_camera) {
  const auto session = parse(tests::offer_fixture("chromium_publish"));
  const auto codecs = forwardable_codecs(session->media[8]);
  // H264 in three profiles, packetization mode 1 each; VP9 and AV1 in profile 0.
  ASSERT_EQ(kinds(codecs), (std::vector{Codec::kVp8, Codec::kH264, Codec::kH264, Codec::kH264,
                                        Codec::kAv1, Codec::kVp9}));
  const rtp::CodecBinding& vp8 = codecs[0].binding;
  EXPECT_EQ(vp8.payload_type, PayloadType(96));
  EXPECT_EQ(vp8.rtx, PayloadType(97));
  EXPECT_TRUE(vp8.nack && vp8.pli && vp8.fir && vp8.transport_cc && vp8.remb);
  for (std::size_t i = 1; i <= 3; ++i) {
    EXPECT_EQ(codecs[i].packetization_mode, 1);
  }
  EXPECT_EQ(codecs[2].h264_profile, 0x42e0);
  EXPECT_EQ(codecs[2].binding.payload_type, PayloadType(108));
  EXPECT_EQ(codecs[2].binding.rtx, PayloadType(109));
  EXPECT_EQ(codecs[2].parameters,
            "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f");
}

TEST(Codecs, unfragmented_h264_is_used_only_where_nothing_better_is_offered) {
  const auto codecs = forwardable_codecs(
      section("m=video 9 RTP/SAVPF 97\r\na=rtpmap:97 H264/90000\r\n"
              "a=fmtp:97 profile-level-id=42e01f;level-asymmetry-allowed=1\r\n"));
  ASSERT_EQ(codecs.size(), 1U);
  EXPECT_EQ(codecs[0].packetization_mode, 0);
}

TEST(Codecs, other_profiles_are_left_out) {
  EXPECT_TRUE(
      forwardable_codecs(section("m=video 9 RTP/SAVPF 96 97 98 99 100\r\n"
                                 "a=rtpmap:96 VP9/90000\r\na=fmtp:96 profile-id=2\r\n"
                                 "a=rtpmap:97 H264/90000\r\n"
                                 "a=fmtp:97 packetization-mode=1;profile-level-id=640032\r\n"
                                 "a=rtpmap:98 AV1/90000\r\na=fmtp:98 profile=1;tier=0\r\n"
                                 "a=rtpmap:99 H265/90000\r\n"
                                 "a=rtpmap:100 H264/90000\r\n"
                                 "a=fmtp:100 packetization-mode=1;profile-level-id=xyz\r\n"))
          .empty());
}

TEST(Codecs, names_and_keys_are_compared_without_case) {
  const auto codecs = forwardable_codecs(
      section("m=video 9 RTP/SAVPF 96 97\r\na=rtpmap:96 vp8/90000\r\na=rtpmap:97 RTX/90000\r\n"
              "a=fmtp:97 APT=96; rtx-time=200\r\n"));
  ASSERT_EQ(kinds(codecs), std::vector{Codec::kVp8});
  EXPECT_EQ(codecs[0].encoding, "vp8");
  EXPECT_EQ(codecs[0].binding.rtx, PayloadType(97));
}

TEST(Codecs, static_payload_types_need_no_rtpmap) {
  EXPECT_EQ(kinds(forwardable_codecs(section("m=audio 9 RTP/SAVPF 8 0 9\r\n"))),
            (std::vector{Codec::kPcma, Codec::kPcmu}));
}

TEST(Codecs, red_needs_opus_and_only_opus_inside) {
  for (const char* fmtp : {"", "a=fmtp:63 111/0\r\n", "a=fmtp:63 112/112\r\n", "a=fmtp:63 x\r\n"}) {
    EXPECT_EQ(kinds(forwardable_codecs(
                  section("m=audio 9 RTP/SAVPF 63 111\r\na=rtpmap:111 opus/48000/2\r\n"
                          "a=rtpmap:63 red/48000/2\r\n" +
                          std::string(fmtp)))),
              std::vector{Codec::kOpus})
        << fmtp;
  }
}

TEST(Codecs, feedback_for_all_formats_counts_for_each) {
  const auto codecs = forwardable_codecs(
      section("m=video 9 RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:* nack\r\n"
              "a=rtcp-fb:97 nack pli\r\n"));
  EXPECT_TRUE(codecs.at(0).binding.nack);
  EXPECT_FALSE(codecs.at(0).binding.pli);
}

TEST(Codecs, a_payload_type_listed_twice_counts_once) {
  EXPECT_EQ(
      forwardable_codecs(section("m=video 9 RTP/SAVPF 96 96\r\na=rtpmap:96 VP8/90000\r\n")).size(),
      1U);
}

TEST(Codecs, private_parameters_are_not_repeated) {
  const auto codecs =
      forwardable_codecs(section("m=video 9 RTP/SAVPF 98\r\na=rtpmap:98 VP9/90000\r\n"
                                 "a=fmtp:98 profile-id=0;x-google-start-bitrate=700\r\n"));
  EXPECT_EQ(codecs.at(0).parameters, "profile-id=0");
}

TEST(Codecs, format_parameters_are_found_by_whole_key) {
  EXPECT_EQ(format_parameter("a=1; bc = 2 ;flag", "bc"), "2");
  EXPECT_EQ(format_parameter("a=1;flag", "flag"), "");
  EXPECT_EQ(format_parameter("abc=1", "ab"), std::nullopt);
  EXPECT_EQ(format_parameter("", "a"), std::nullopt);
}

TEST(Codecs, mime_types_go_both_ways) {
  for (const Codec codec : {Codec::kOpus, Codec::kRed, Codec::kPcmu, Codec::kPcma, Codec::kVp8,
                            Codec::kVp9, Codec::kH264, Codec::kAv1}) {
    EXPECT_EQ(codec_from_mime_type(mime_type(codec)), codec);
  }
  EXPECT_EQ(codec_from_mime_type("vp8"), Codec::kVp8);
  EXPECT_EQ(codec_from_mime_type("AUDIO/OPUS"), Codec::kOpus);
  EXPECT_EQ(codec_from_mime_type("video/H265"), Codec::kUnknown);
  EXPECT_EQ(mime_type(Codec::kUnknown), "");
}

TEST(Codecs, extension_uris_go_both_ways) {
  for (std::size_t i = 0; i < static_cast<std::size_t>(rtp::Extension::kCount); ++i) {
    const auto extension = static_cast<rtp::Extension>(i);
    EXPECT_EQ(extension_from_uri(extension_uri(extension)), extension);
  }
  EXPECT_EQ(extension_from_uri(""), std::nullopt);
  EXPECT_EQ(extension_from_uri("urn:ietf:params:rtp-hdrext:toffset"), std::nullopt);
  EXPECT_EQ(extension_uri(rtp::Extension::kCount), "");
}

}  // namespace
}  // namespace meridian::sdp
