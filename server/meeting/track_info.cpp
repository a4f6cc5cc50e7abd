#include "meeting/track_info.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

#include "meeting/limits.hpp"
#include "sdp/codecs.hpp"

namespace meridian::meeting {
namespace {

/// How far below the wanted size a layer may be and still serve (livekit-server uses the same).
constexpr float kSizeTolerance = 0.9F;
constexpr std::uint8_t kHighestLayer = 2;

bool is_scalable(rtp::Codec codec) {
  return codec == rtp::Codec::kVp9 || codec == rtp::Codec::kAv1;
}

bool has_feature(const livekit::TrackInfo& info, livekit::AudioTrackFeature feature) {
  return std::ranges::find(info.audio_features(), static_cast<int>(feature)) !=
         info.audio_features().end();
}

void add_feature(livekit::TrackInfo& info, livekit::AudioTrackFeature feature) {
  if (!has_feature(info, feature)) {
    info.add_audio_features(feature);
  }
}

std::string default_stream(livekit::TrackSource source) {
  switch (source) {
    case livekit::CAMERA:
    case livekit::MICROPHONE:
      return "camera";
    case livekit::SCREEN_SHARE:
    case livekit::SCREEN_SHARE_AUDIO:
      return "screen";
    default:
      return "unknown";
  }
}

template <class Layers>
void copy_layers(const Layers& from, google::protobuf::RepeatedPtrField<livekit::VideoLayer>& to) {
  std::vector<const livekit::VideoLayer*> sorted;
  for (const livekit::VideoLayer& layer : from) {
    if (layer.quality() != livekit::OFF && sorted.size() < kMaxLayersPerTrack) {
      sorted.push_back(&layer);
    }
  }
  // Not stable_sort, whose libstdc++ 12 uses a deprecated function: the pointers break ties.
  std::ranges::sort(sorted, {}, [](const auto* layer) {
    return std::pair(static_cast<int>(layer->quality()), layer);
  });
  int index = 0;
  for (const livekit::VideoLayer* layer : sorted) {
    livekit::VideoLayer& copy = *to.Add();
    copy = *layer;
    copy.set_spatial_layer(index++);
  }
}

void add_codec(livekit::TrackInfo& info, const livekit::SimulcastCodec& wanted) {
  rtp::Codec codec = sdp::codec_from_mime_type(wanted.codec());
  const std::vector<rtp::Codec> enabled = publish_codecs();
  if (std::ranges::find(enabled, codec) == enabled.end()) {
    codec = info.type() == livekit::AUDIO ? rtp::Codec::kOpus : rtp::Codec::kVp8;
  }
  livekit::SimulcastCodecInfo& entry = *info.add_codecs();
  entry.set_mime_type(wire_mime(codec));
  entry.set_cid(wanted.cid());
  if (info.type() != livekit::VIDEO) {
    return;
  }
  copy_layers(wanted.layers().empty() ? info.layers() : wanted.layers(), *entry.mutable_layers());
  if (wanted.video_layer_mode() != livekit::VideoLayer::MODE_UNUSED) {
    entry.set_video_layer_mode(wanted.video_layer_mode());
  } else {
    entry.set_video_layer_mode(is_scalable(codec)
                                   ? livekit::VideoLayer::MULTIPLE_SPATIAL_LAYERS_PER_STREAM
                                   : livekit::VideoLayer::ONE_SPATIAL_LAYER_PER_STREAM);
  }
}

void set_rids(google::protobuf::RepeatedPtrField<livekit::VideoLayer>& layers,
              const std::vector<rtp::Token>& rids) {
  for (int i = 0; i < layers.size() && static_cast<std::size_t>(i) < rids.size(); ++i) {
    layers[i].set_rid(std::string(rids[static_cast<std::size_t>(i)].view()));
    layers[i].set_spatial_layer(i);
  }
}

}  // namespace

std::vector<rtp::Codec> publish_codecs() {
  using enum rtp::Codec;
  return {kOpus, kRed, kVp8, kH264, kVp9, kAv1};
}

std::string wire_mime(rtp::Codec codec) {
  std::string mime(sdp::mime_type(codec));
  std::ranges::transform(mime, mime.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return mime;
}

rtp::MediaKind kind_of(const livekit::TrackInfo& info) {
  return info.type() == livekit::VIDEO ? rtp::MediaKind::kVideo : rtp::MediaKind::kAudio;
}

livekit::TrackInfo make_track_info(const livekit::AddTrackRequest& request,
                                   const std::string& sid) {
  livekit::TrackInfo info;
  info.set_sid(sid);
  info.set_type(request.type());
  info.set_name(request.name());
  info.set_muted(request.muted());
  info.set_width(request.width());
  info.set_height(request.height());
  info.set_source(request.source());
  info.set_encryption(request.encryption());
  info.set_disable_red(request.disable_red() || request.encryption() != livekit::Encryption::NONE);
  info.set_stream(request.stream().empty() ? default_stream(request.source()) : request.stream());
  info.set_backup_codec_policy(request.backup_codec_policy());
  *info.mutable_packet_trailer_features() = request.packet_trailer_features();
  *info.mutable_audio_features() = request.audio_features();
  if (request.type() == livekit::AUDIO) {
    if (request.stereo()) {
      add_feature(info, livekit::TF_STEREO);
    }
    if (request.disable_dtx()) {
      add_feature(info, livekit::TF_NO_DTX);
    }
    info.set_stereo(has_feature(info, livekit::TF_STEREO));
    info.set_disable_dtx(has_feature(info, livekit::TF_NO_DTX));
  } else {
    copy_layers(request.layers(), *info.mutable_layers());
    info.set_simulcast(info.layers_size() > 1);
  }
  for (const livekit::SimulcastCodec& codec : request.simulcast_codecs()) {
    if (static_cast<std::size_t>(info.codecs_size()) < kMaxCodecsPerTrack) {
      add_codec(info, codec);
    }
  }
  if (info.codecs().empty()) {  // named when the media tells
    livekit::SimulcastCodecInfo& entry = *info.add_codecs();
    entry.set_cid(request.cid());
    *entry.mutable_layers() = info.layers();
  }
  return info;
}

void complete_track_info(livekit::TrackInfo& info, const PublishedSection& section) {
  info.set_mid(std::string(section.mid.view()));
  livekit::SimulcastCodecInfo& first = *info.mutable_codecs(0);
  first.set_mid(info.mid());
  first.set_sdp_cid(section.track_id);
  set_rids(*info.mutable_layers(), section.rids);
  set_rids(*first.mutable_layers(), section.rids);
  for (const rtp::CodecBinding& binding : section.codecs) {
    if (binding.codec != rtp::Codec::kRed) {  // RED is how Opus travels, not what it is
      (void)set_track_codec(info, binding.codec);
      break;
    }
  }
}

rtp::Codec backup_codec(const livekit::TrackInfo& info) {
  return info.type() == livekit::VIDEO && info.codecs_size() > 1
             ? sdp::codec_from_mime_type(info.codecs(1).mime_type())
             : rtp::Codec::kUnknown;
}

livekit::TrackInfo make_backup_info(const livekit::TrackInfo& info,
                                    const livekit::AddTrackRequest& request) {
  livekit::TrackInfo backup = info;
  backup.clear_codecs();
  backup.set_mime_type(info.codecs(1).mime_type());
  if (!request.layers().empty()) {
    backup.clear_layers();
    copy_layers(request.layers(), *backup.mutable_layers());
  }
  *backup.add_codecs() = info.codecs(1);
  return backup;
}

void complete_backup_info(livekit::TrackInfo& info, const PublishedSection& section,
                          const std::string& cid) {
  if (info.codecs_size() > 1) {
    livekit::SimulcastCodecInfo& entry = *info.mutable_codecs(1);
    entry.set_mid(std::string(section.mid.view()));
    entry.set_cid(cid);
    entry.set_sdp_cid(section.track_id);
    set_rids(*entry.mutable_layers(), section.rids);
  }
}

bool set_track_codec(livekit::TrackInfo& info, rtp::Codec codec) {
  const std::string mime = wire_mime(codec == rtp::Codec::kRed ? rtp::Codec::kOpus : codec);
  if (mime.empty() || (info.mime_type() == mime && info.codecs(0).mime_type() == mime)) {
    return false;
  }
  info.set_mime_type(mime);
  info.mutable_codecs(0)->set_mime_type(mime);
  return true;
}

PublishPolicy publish_policy(const livekit::TrackInfo& info) {
  const bool is_encrypted = info.encryption() != livekit::Encryption::NONE;
  return {
      .disable_red = info.disable_red() || is_encrypted,
      .stereo = has_feature(info, livekit::TF_STEREO),
      .disable_dtx = has_feature(info, livekit::TF_NO_DTX),
      .encrypted = is_encrypted,
      .preferred = info.codecs().empty() ? rtp::Codec::kUnknown
                                         : sdp::codec_from_mime_type(info.codecs(0).mime_type()),
  };
}

std::uint8_t layer_for_size(const livekit::TrackInfo& info, std::uint32_t width,
                            std::uint32_t height) {
  if (info.layers().empty()) {
    return kHighestLayer;
  }
  const bool is_portrait = info.width() < info.height();
  const auto wanted =
      static_cast<std::uint32_t>(static_cast<float>(is_portrait ? width : height) * kSizeTolerance);
  std::uint8_t index = 0;
  for (; index + 1 < info.layers_size(); ++index) {
    const livekit::VideoLayer& layer = info.layers(index);
    if (std::min(layer.width(), layer.height()) >= wanted) {
      break;
    }
  }
  return index;
}

std::uint8_t temporal_for_rate(std::uint32_t frames_per_second) {
  static constexpr std::uint32_t kQuarter = 8;
  static constexpr std::uint32_t kHalf = 15;
  if (frames_per_second == 0 || frames_per_second > kHalf) {
    return forward::LayerTarget{}.max_temporal;
  }
  return frames_per_second > kQuarter ? 1 : 0;
}

std::uint8_t layer_for_quality(livekit::VideoQuality quality) {
  switch (quality) {
    case livekit::LOW:
      return 0;
    case livekit::MEDIUM:
      return 1;
    default:
      return kHighestLayer;
  }
}

}  // namespace meridian::meeting
