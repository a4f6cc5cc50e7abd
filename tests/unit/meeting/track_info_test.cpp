#include "meeting/track_info.hpp"

#include <gtest/gtest.h>

namespace meridian::meeting {
namespace {

livekit::AddTrackRequest camera() {
  livekit::AddTrackRequest request;
  request.set_cid("cid");
  request.set_type(livekit::VIDEO);
  request.set_source(livekit::CAMERA);
  request.set_width(1280);
  request.set_height(720);
  static constexpr std::pair<livekit::VideoQuality, unsigned> kLayers[] = {
      {livekit::HIGH, 720}, {livekit::LOW, 180}, {livekit::MEDIUM, 360}};
  for (const auto& [quality, height] : kLayers) {
    auto& layer = *request.add_layers();
    layer.set_quality(quality);
    layer.set_height(height);
    layer.set_width(height * 16 / 9);
  }
  return request;
}

PublishedSection section(std::vector<rtp::Codec> codecs, std::vector<std::string> rids) {
  PublishedSection section;
  section.mid = *rtp::Token::parse("7");
  section.track_id = "sdp-cid";
  for (const rtp::Codec codec : codecs) {
    rtp::CodecBinding binding;
    binding.codec = codec;
    section.codecs.push_back(binding);
  }
  for (const std::string& rid : rids) {
    section.rids.push_back(*rtp::Token::parse(rid));
  }
  return section;
}

TEST(TrackInfo, orders_layers_from_low_to_high) {
  const livekit::TrackInfo info = make_track_info(camera(), "TR_1");
  EXPECT_EQ(info.sid(), "TR_1");
  EXPECT_EQ(info.stream(), "camera");
  EXPECT_TRUE(info.simulcast());
  ASSERT_EQ(info.layers_size(), 3);
  EXPECT_EQ(info.layers(0).quality(), livekit::LOW);
  EXPECT_EQ(info.layers(2).quality(), livekit::HIGH);
  EXPECT_EQ(info.layers(2).spatial_layer(), 2);
  ASSERT_EQ(info.codecs_size(), 1);
  EXPECT_EQ(info.codecs(0).mime_type(), "");
  EXPECT_EQ(info.codecs(0).cid(), "cid");
}

TEST(TrackInfo, names_wanted_codecs_in_lower_case) {
  livekit::AddTrackRequest request = camera();
  request.add_simulcast_codecs()->set_codec("vp9");
  request.add_simulcast_codecs()->set_codec("VP8");
  const livekit::TrackInfo info = make_track_info(request, "TR_1");
  EXPECT_EQ(info.codecs(0).mime_type(), "video/vp9");
  EXPECT_EQ(info.codecs(0).video_layer_mode(),
            livekit::VideoLayer::MULTIPLE_SPATIAL_LAYERS_PER_STREAM);
  EXPECT_EQ(info.codecs(1).mime_type(), "video/vp8");
  EXPECT_EQ(info.codecs(1).video_layer_mode(), livekit::VideoLayer::ONE_SPATIAL_LAYER_PER_STREAM);
  EXPECT_EQ(info.codecs(1).layers_size(), 3);
}

TEST(TrackInfo, replaces_codecs_that_nobody_may_publish) {
  livekit::AddTrackRequest request = camera();
  request.add_simulcast_codecs()->set_codec("h265");
  EXPECT_EQ(make_track_info(request, "TR_1").codecs(0).mime_type(), "video/vp8");
}

TEST(TrackInfo, folds_old_audio_flags_into_features) {
  livekit::AddTrackRequest request;
  request.set_type(livekit::AUDIO);
  request.set_source(livekit::MICROPHONE);
  request.set_stereo(true);
  request.set_disable_dtx(true);
  const livekit::TrackInfo info = make_track_info(request, "TR_1");
  EXPECT_EQ(info.audio_features_size(), 2);
  EXPECT_TRUE(info.stereo());
  EXPECT_TRUE(info.disable_dtx());
  const PublishPolicy policy = publish_policy(info);
  EXPECT_TRUE(policy.stereo);
  EXPECT_TRUE(policy.disable_dtx);
  EXPECT_FALSE(policy.disable_red);
}

TEST(TrackInfo, forbids_red_on_encrypted_tracks) {
  livekit::AddTrackRequest request;
  request.set_encryption(livekit::Encryption::GCM);
  const livekit::TrackInfo info = make_track_info(request, "TR_1");
  EXPECT_EQ(info.encryption(), livekit::Encryption::GCM);
  EXPECT_TRUE(publish_policy(info).disable_red);
  EXPECT_TRUE(publish_policy(info).encrypted);
}

TEST(TrackInfo, prefers_the_codec_that_was_announced) {
  livekit::AddTrackRequest request = camera();
  EXPECT_EQ(publish_policy(make_track_info(request, "TR_1")).preferred, rtp::Codec::kUnknown);
  request.add_simulcast_codecs()->set_codec("vp9");
  EXPECT_EQ(publish_policy(make_track_info(request, "TR_1")).preferred, rtp::Codec::kVp9);
}

TEST(TrackInfo, learns_mid_codec_and_rids_from_the_section) {
  livekit::TrackInfo info = make_track_info(camera(), "TR_1");
  complete_track_info(info, section({rtp::Codec::kVp8, rtp::Codec::kH264}, {"q", "h", "f"}));
  EXPECT_EQ(info.mid(), "7");
  EXPECT_EQ(info.mime_type(), "video/vp8");
  EXPECT_EQ(info.codecs(0).mime_type(), "video/vp8");
  EXPECT_EQ(info.codecs(0).sdp_cid(), "sdp-cid");
  EXPECT_EQ(info.layers(0).rid(), "q");
  EXPECT_EQ(info.codecs(0).layers(2).rid(), "f");
}

TEST(TrackInfo, calls_red_what_it_carries) {
  livekit::AddTrackRequest request;
  livekit::TrackInfo info = make_track_info(request, "TR_1");
  complete_track_info(info, section({rtp::Codec::kRed, rtp::Codec::kOpus}, {}));
  EXPECT_EQ(info.mime_type(), "audio/opus");
  EXPECT_FALSE(set_track_codec(info, rtp::Codec::kRed));
}

TEST(TrackInfo, is_corrected_by_the_first_packets) {
  livekit::TrackInfo info = make_track_info(camera(), "TR_1");
  complete_track_info(info, section({rtp::Codec::kVp8}, {}));
  EXPECT_TRUE(set_track_codec(info, rtp::Codec::kH264));
  EXPECT_EQ(info.mime_type(), "video/h264");
  EXPECT_FALSE(set_track_codec(info, rtp::Codec::kH264));
  EXPECT_FALSE(set_track_codec(info, rtp::Codec::kUnknown));
}

TEST(TrackInfo, picks_the_smallest_layer_that_is_large_enough) {
  const livekit::TrackInfo info = make_track_info(camera(), "TR_1");
  EXPECT_EQ(layer_for_size(info, 160, 90), 0);
  EXPECT_EQ(layer_for_size(info, 355, 200), 0);  // 0.9 of it is 180
  EXPECT_EQ(layer_for_size(info, 373, 210), 1);
  EXPECT_EQ(layer_for_size(info, 640, 400), 1);
  EXPECT_EQ(layer_for_size(info, 640, 402), 2);
  EXPECT_EQ(layer_for_size(info, 3840, 2160), 2);
}

TEST(TrackInfo, measures_portrait_tracks_by_their_width) {
  livekit::AddTrackRequest request = camera();
  request.set_width(720);
  request.set_height(1280);
  EXPECT_EQ(layer_for_size(make_track_info(request, "TR_1"), 180, 2000), 0);
}

TEST(TrackInfo, sends_all_layers_of_a_track_of_unknown_size) {
  EXPECT_EQ(layer_for_size(livekit::TrackInfo(), 100, 100), 2);
  EXPECT_EQ(layer_for_quality(livekit::LOW), 0);
  EXPECT_EQ(layer_for_quality(livekit::MEDIUM), 1);
  EXPECT_EQ(layer_for_quality(livekit::HIGH), 2);
}

TEST(TrackInfo, few_frames_a_second_are_a_low_temporal_layer) {
  EXPECT_EQ(temporal_for_rate(0), 7);
  EXPECT_EQ(temporal_for_rate(5), 0);
  EXPECT_EQ(temporal_for_rate(15), 1);
  EXPECT_EQ(temporal_for_rate(30), 7);
}

}  // namespace
}  // namespace meridian::meeting
