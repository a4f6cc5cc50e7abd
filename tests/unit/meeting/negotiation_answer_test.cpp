// Goal: the policy of a published track and the needs of a subscriber shape the codec list.

#include "meeting/negotiation_answer.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "unit/sdp/fixtures.hpp"

namespace meridian::meeting {
namespace {

using rtp::Codec;

std::vector<sdp::OfferedCodec> offered(std::size_t section) {
  const auto session = sdp::parse(tests::offer_fixture("chromium_publish"));
  return sdp::forwardable_codecs(session->media.at(section));
}

std::vector<Codec> kinds(const std::vector<sdp::OfferedCodec>& codecs) {
  std::vector<Codec> result;
  for (const sdp::OfferedCodec& codec : codecs) {
    result.push_back(codec.binding.codec);
  }
  return result;
}

const std::vector<Codec> kEnabled = {Codec::kOpus, Codec::kRed, Codec::kVp8};

TEST(NegotiationAnswer, red_comes_first_unless_disabled_encrypted_or_not_enabled) {
  EXPECT_EQ(kinds(codecs_to_receive(offered(7), kEnabled, {.disable_red = false})),
            (std::vector{Codec::kRed, Codec::kOpus}));
  for (const PublishPolicy& policy : {PublishPolicy{.disable_red = true},
                                      PublishPolicy{.disable_red = false, .encrypted = true}}) {
    EXPECT_EQ(kinds(codecs_to_receive(offered(7), kEnabled, policy)), std::vector{Codec::kOpus});
  }
  EXPECT_EQ(kinds(codecs_to_receive(offered(7), {Codec::kOpus}, {.disable_red = false})),
            std::vector{Codec::kOpus});
  EXPECT_TRUE(codecs_to_receive(offered(7), {Codec::kRed}, {.disable_red = false}).empty());
}

TEST(NegotiationAnswer, published_video_is_limited_to_enabled_codecs) {
  EXPECT_EQ(kinds(codecs_to_receive(offered(8), kEnabled, {})), std::vector{Codec::kVp8});
}

TEST(NegotiationAnswer, what_was_announced_comes_first) {
  const std::vector enabled = {Codec::kVp8, Codec::kH264, Codec::kVp9, Codec::kAv1};
  const auto plain = kinds(codecs_to_receive(offered(8), enabled, {}));
  ASSERT_EQ(plain.front(), Codec::kVp8);
  for (const Codec codec : {Codec::kH264, Codec::kVp9, Codec::kAv1}) {
    auto codecs = kinds(codecs_to_receive(offered(8), enabled, {.preferred = codec}));
    EXPECT_EQ(codecs.front(), codec);
    EXPECT_TRUE(std::ranges::is_permutation(codecs, plain));
  }
}

TEST(NegotiationAnswer, a_sender_offers_everything_with_its_own_codecs_first) {
  const auto codecs = codecs_to_send(offered(8), {Codec::kAv1, Codec::kH264});
  EXPECT_EQ(codecs.size(), offered(8).size());
  EXPECT_EQ(codecs[0].binding.codec, Codec::kAv1);
  EXPECT_EQ(codecs[1].h264_profile, 0x42e0);
  EXPECT_EQ(codecs[2].h264_profile, 0x4200);
  EXPECT_EQ(codecs[3].h264_profile, 0x4d00);
}

TEST(NegotiationAnswer, red_takes_the_place_of_nack_for_sent_audio) {
  auto codecs = offered(7);
  codecs[0].binding.nack = true;
  EXPECT_TRUE(codecs_to_send(codecs, {Codec::kOpus})[0].binding.nack);
  for (const auto& codec : codecs_to_send(codecs, {Codec::kRed, Codec::kOpus})) {
    EXPECT_FALSE(codec.binding.nack);
  }
}

TEST(NegotiationAnswer, opus_is_asked_for_dtx_and_stereo_as_the_track_wants) {
  const auto parameters = [](const PublishPolicy& policy) {
    sdp::MediaSection answer;
    const auto codecs = codecs_to_receive(offered(7), kEnabled, policy);
    write_codecs(answer, codecs);
    write_publish_policy(answer, codecs, policy);
    for (const sdp::FormatParameters& line : answer.format_parameters) {
      if (line.payload_type == PayloadType(111)) {
        return line.parameters;
      }
    }
    return std::string();
  };
  EXPECT_EQ(parameters({}), "minptime=10;useinbandfec=1;usedtx=1");
  EXPECT_EQ(parameters({.disable_dtx = true}), "minptime=10;useinbandfec=1");
  EXPECT_EQ(parameters({.stereo = true, .disable_dtx = true}),
            "minptime=10;useinbandfec=1;stereo=1;maxaveragebitrate=510000");
}

TEST(NegotiationAnswer, a_stereo_sender_says_so) {
  sdp::MediaSection answer;
  const auto codecs = codecs_to_send(offered(7), {Codec::kOpus});
  write_codecs(answer, codecs);
  SenderSpec spec;
  spec.participant_sid = "PA_a";
  spec.track_sid = "TR_a";
  spec.stream = "camera";
  spec.stereo = true;
  SendBinding binding;
  binding.ssrc = Ssrc(7);
  binding.codecs = bindings_of(codecs);
  write_sender(answer, spec, binding);
  EXPECT_EQ(answer.format_parameters[0].parameters, "minptime=10;useinbandfec=1;sprop-stereo=1");
  EXPECT_EQ(answer.msids, (std::vector<sdp::Msid>{{"PA_a|camera", "TR_a"}}));
  EXPECT_TRUE(answer.ssrc_groups.empty());
  EXPECT_EQ(answer.ssrcs, (std::vector<sdp::SsrcAttribute>{{Ssrc(7), "cname", "PA_a"}}));
}

TEST(NegotiationAnswer, long_extension_ids_need_mixed_headers) {
  sdp::MediaSection offer;
  offer.kind = sdp::Kind::kAudio;
  offer.extensions = {{15, std::nullopt, "urn:ietf:params:rtp-hdrext:sdes:mid"},
                      {4096, std::nullopt, "urn:ietf:params:rtp-hdrext:ssrc-audio-level"}};
  EXPECT_FALSE(accepted_extensions(offer, false).has(rtp::Extension::kMid));
  EXPECT_EQ(accepted_extensions(offer, true).id(rtp::Extension::kMid), 15);
  EXPECT_FALSE(accepted_extensions(offer, true).has(rtp::Extension::kAudioLevel));
}

TEST(NegotiationAnswer, a_playout_delay_is_sent_with_pictures_to_those_who_receive_it) {
  sdp::MediaSection offer;
  offer.kind = sdp::Kind::kVideo;
  offer.extensions = {
      {6, std::nullopt, "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"}};
  const auto accepts = [&](PlayoutDelayUse use) {
    return accepted_extensions(offer, false, use).has(rtp::Extension::kPlayoutDelay);
  };
  EXPECT_TRUE(accepts(PlayoutDelayUse::kSent));
  EXPECT_FALSE(accepts(PlayoutDelayUse::kNone));
  offer.extensions[0].direction = sdp::Direction::kSendOnly;
  EXPECT_FALSE(accepts(PlayoutDelayUse::kSent)) << "a publisher's own";
  offer.extensions[0].direction = sdp::Direction::kRecvOnly;
  EXPECT_TRUE(accepts(PlayoutDelayUse::kSent));
  offer.kind = sdp::Kind::kAudio;
  EXPECT_FALSE(accepts(PlayoutDelayUse::kSent));
}

TEST(NegotiationAnswer, extensions_with_a_direction_are_used_only_that_way) {
  sdp::MediaSection offer;
  offer.extensions = {
      {1, sdp::Direction::kSendOnly, "urn:ietf:params:rtp-hdrext:sdes:mid"},
      {2, sdp::Direction::kRecvOnly, "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"},
      {3, sdp::Direction::kInactive, "urn:ietf:params:rtp-hdrext:ssrc-audio-level"},
      {4, sdp::Direction::kRecvOnly, "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"}};
  const rtp::ExtensionMap accepted = accepted_extensions(offer, false);
  EXPECT_TRUE(accepted.has(rtp::Extension::kMid));
  EXPECT_FALSE(accepted.has(rtp::Extension::kRid));
  EXPECT_FALSE(accepted.has(rtp::Extension::kAudioLevel));
  const rtp::ExtensionMap sendable = extensions_to_send(offer, accepted);
  EXPECT_FALSE(sendable.has(rtp::Extension::kMid));
  EXPECT_EQ(sendable.id(rtp::Extension::kAbsSendTime), 4);
}

TEST(NegotiationAnswer, earlier_addresses_have_the_higher_priority) {
  EXPECT_EQ(host_priority(0), 2130706431U);
  EXPECT_GT(host_priority(0), host_priority(1));
  EXPECT_GT(host_priority(70000), 0U);
}

}  // namespace
}  // namespace meridian::meeting
