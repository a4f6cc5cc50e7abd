#include "sdp/codecs.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <span>

#include "sdp/attributes.hpp"
#include "sdp/text.hpp"

namespace meridian::sdp {
namespace {

constexpr std::uint8_t kH264Baseline = 0x42;
constexpr std::uint8_t kH264Main = 0x4d;
constexpr std::uint16_t kH264DefaultProfile = 0x4200;  // RFC 6184 section 8.1, without the level

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::string_view trimmed(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  return text.substr(0, text.find_last_not_of(' ') + 1);
}

struct CodecName {
  rtp::Codec codec;
  std::string_view mime;
  std::uint32_t clock_rate;
  /// Parameters that an answer repeats.
  std::array<std::string_view, 3> parameters;
};
constexpr std::array kCodecNames = {
    CodecName{rtp::Codec::kOpus, "audio/opus", 48000, {"minptime", "useinbandfec"}},
    CodecName{rtp::Codec::kRed, "audio/red", 48000, {}},
    CodecName{rtp::Codec::kPcmu, "audio/PCMU", 8000, {}},
    CodecName{rtp::Codec::kPcma, "audio/PCMA", 8000, {}},
    CodecName{rtp::Codec::kVp8, "video/VP8", 90000, {}},
    CodecName{rtp::Codec::kVp9, "video/VP9", 90000, {"profile-id"}},
    CodecName{rtp::Codec::kH264,
              "video/H264",
              90000,
              {"level-asymmetry-allowed", "packetization-mode", "profile-level-id"}},
    CodecName{rtp::Codec::kAv1, "video/AV1", 90000, {"level-idx", "profile", "tier"}},
};

std::string_view bare_name(std::string_view mime) {
  return mime.substr(mime.find('/') + 1);
}

const CodecName* find_name(Kind kind, const RtpMap& map) {
  const std::string_view type = kind == Kind::kAudio ? "audio/" : "video/";
  for (const CodecName& name : kCodecNames) {
    if (name.mime.starts_with(type) && name.clock_rate == map.clock_rate &&
        equals_ignoring_case(bare_name(name.mime), map.encoding)) {
      return &name;
    }
  }
  return nullptr;
}

std::optional<RtpMap> find_map(const MediaSection& section, PayloadType type) {
  const auto found = std::ranges::find(section.rtpmaps, type, &RtpMap::payload_type);
  if (found != section.rtpmaps.end()) {
    return *found;
  }
  if (type == PayloadType(0)) {  // static assignments of RFC 3551 section 6 need no rtpmap
    return RtpMap{type, "PCMU", 8000, 1};
  }
  if (type == PayloadType(8)) {
    return RtpMap{type, "PCMA", 8000, 1};
  }
  return std::nullopt;
}

std::string_view find_parameters(const MediaSection& section, PayloadType type) {
  const auto found =
      std::ranges::find(section.format_parameters, type, &FormatParameters::payload_type);
  return found == section.format_parameters.end() ? std::string_view{} : found->parameters;
}

/// Profile and constraints of a profile-level-id; nothing when malformed.
std::optional<std::uint16_t> h264_profile(std::string_view parameters) {
  const auto text = format_parameter(parameters, "profile-level-id");
  if (!text) {
    return kH264DefaultProfile;
  }
  std::uint32_t value = 0;
  const auto [stop, error] = std::from_chars(text->data(), text->data() + text->size(), value, 16);
  if (text->size() != 6 || error != std::errc{} || stop != text->data() + text->size()) {
    return std::nullopt;
  }
  return static_cast<std::uint16_t>(value >> 8U);
}

/// Whether packets of this format can be forwarded; fills what depends on the codec.
bool select_format(OfferedCodec& codec, std::string_view parameters) {
  switch (codec.binding.codec) {
    case rtp::Codec::kVp9:
      return format_parameter(parameters, "profile-id").value_or("0") == "0";
    case rtp::Codec::kAv1:
      return format_parameter(parameters, "profile").value_or("0") == "0";
    case rtp::Codec::kH264: {
      const auto profile = h264_profile(parameters);
      const auto mode = format_parameter(parameters, "packetization-mode").value_or("0");
      codec.packetization_mode = mode == "1" ? 1 : 0;
      codec.h264_profile = profile.value_or(0);
      const auto profile_idc = static_cast<std::uint8_t>(codec.h264_profile >> 8U);
      return (mode == "0" || mode == "1") &&
             (profile_idc == kH264Baseline || profile_idc == kH264Main);
    }
    case rtp::Codec::kRed: {
      std::string_view rest = parameters;
      const std::string_view primary = take(rest, '/');
      codec.red_primary = parse_payload_type(primary);
      codec.parameters = parameters;
      while (!rest.empty()) {
        if (take(rest, '/') != primary) {
          return false;
        }
      }
      return codec.red_primary.has_value();
    }
    case rtp::Codec::kUnknown:
    case rtp::Codec::kOpus:
    case rtp::Codec::kPcmu:
    case rtp::Codec::kPcma:
    case rtp::Codec::kVp8:
      break;
  }
  return true;
}

std::string known_parameters(const CodecName& name, std::string_view offered) {
  std::string result;
  for (const std::string_view key : name.parameters) {
    const auto value = key.empty() ? std::nullopt : format_parameter(offered, key);
    if (value) {
      result += result.empty() ? "" : ";";
      result.append(key).append("=").append(*value);
    }
  }
  return result;
}

void read_feedback(rtp::CodecBinding& binding, const MediaSection& section) {
  const bool is_video = section.kind == Kind::kVideo;
  for (const RtcpFeedback& feedback : section.feedback) {
    if (feedback.payload_type.value_or(binding.payload_type) != binding.payload_type) {
      continue;
    }
    binding.nack |= feedback.value == "nack";
    binding.transport_cc |= feedback.value == "transport-cc";
    binding.pli |= is_video && feedback.value == "nack pli";
    binding.fir |= is_video && feedback.value == "ccm fir";
    binding.remb |= is_video && feedback.value == "goog-remb";
  }
}

void read_rtx(rtp::CodecBinding& binding, const MediaSection& section,
              std::span<const PayloadType> formats) {
  for (const PayloadType type : formats) {
    const auto map = find_map(section, type);
    if (!map || !equals_ignoring_case(map->encoding, "rtx") ||
        map->clock_rate != binding.clock_rate) {
      continue;
    }
    const auto apt = format_parameter(find_parameters(section, type), "apt");
    if (apt && parse_payload_type(*apt) == binding.payload_type) {
      binding.rtx = type;
      return;
    }
  }
}

std::optional<OfferedCodec> read_codec(const MediaSection& section, PayloadType type,
                                       std::span<const PayloadType> formats) {
  const auto map = find_map(section, type);
  const CodecName* name = map ? find_name(section.kind, *map) : nullptr;
  if (name == nullptr) {
    return std::nullopt;
  }
  OfferedCodec codec;
  codec.binding.codec = name->codec;
  codec.binding.payload_type = type;
  codec.binding.clock_rate = map->clock_rate;
  codec.channels = map->channels;
  codec.encoding = map->encoding;
  const std::string_view parameters = find_parameters(section, type);
  codec.parameters = known_parameters(*name, parameters);
  if (!select_format(codec, parameters)) {
    return std::nullopt;
  }
  read_feedback(codec.binding, section);
  if (section.kind == Kind::kVideo) {
    read_rtx(codec.binding, section, formats);
  }
  return codec;
}

}  // namespace

std::vector<OfferedCodec> forwardable_codecs(const MediaSection& section) {
  std::vector<OfferedCodec> codecs;
  const std::vector<PayloadType> formats = section.payload_types();
  for (const PayloadType type : formats) {
    const auto is_same = [&](const OfferedCodec& known) {
      return known.binding.payload_type == type;
    };
    if (std::ranges::any_of(codecs, is_same)) {
      continue;
    }
    if (auto codec = read_codec(section, type, formats)) {
      codecs.push_back(*std::move(codec));
    }
  }
  const auto fragments = [](const OfferedCodec& codec) { return codec.packetization_mode == 1; };
  const bool can_fragment = std::ranges::any_of(codecs, fragments);
  const auto has_opus = [&](PayloadType type) {
    return std::ranges::any_of(codecs, [&](const OfferedCodec& codec) {
      return codec.binding.codec == rtp::Codec::kOpus && codec.binding.payload_type == type;
    });
  };
  std::vector<OfferedCodec> usable;
  std::ranges::copy_if(codecs, std::back_inserter(usable), [&](const OfferedCodec& codec) {
    return (codec.binding.codec != rtp::Codec::kH264 || !can_fragment || fragments(codec)) &&
           (!codec.red_primary || has_opus(*codec.red_primary));
  });
  return usable;
}

std::optional<std::string_view> format_parameter(std::string_view parameters,
                                                 std::string_view key) {
  while (!parameters.empty()) {
    std::string_view value = take(parameters, ';');
    const std::string_view name = trimmed(take(value, '='));
    if (equals_ignoring_case(name, key)) {
      return trimmed(value);
    }
  }
  return std::nullopt;
}

std::string_view mime_type(rtp::Codec codec) {
  const auto found = std::ranges::find(kCodecNames, codec, &CodecName::codec);
  return found == kCodecNames.end() ? std::string_view{} : found->mime;
}

rtp::Codec codec_from_mime_type(std::string_view name) {
  for (const CodecName& known : kCodecNames) {
    if (equals_ignoring_case(name, known.mime) ||
        equals_ignoring_case(name, bare_name(known.mime))) {
      return known.codec;
    }
  }
  return rtp::Codec::kUnknown;
}

namespace {
constexpr std::array<std::string_view, static_cast<std::size_t>(rtp::Extension::kCount)>
    kExtensionUris = {
        "urn:ietf:params:rtp-hdrext:sdes:mid",
        "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
        "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
        "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
        "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
        "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
        "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time",
        "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
        "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
        "http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00",
        "urn:3gpp:video-orientation",
};
}  // namespace

std::optional<rtp::Extension> extension_from_uri(std::string_view uri) {
  const auto* const found = std::ranges::find(kExtensionUris, uri);
  if (uri.empty() || found == kExtensionUris.end()) {
    return std::nullopt;
  }
  return static_cast<rtp::Extension>(found - kExtensionUris.begin());
}

std::string_view extension_uri(rtp::Extension extension) {
  const auto index = static_cast<std::size_t>(extension);
  return index < kExtensionUris.size() ? kExtensionUris[index] : std::string_view{};
}

}  // namespace meridian::sdp
