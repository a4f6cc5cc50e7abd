#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rtp/media.hpp"
#include "sdp/session.hpp"

/// What the names, parameters and URIs of a description mean to the packet path.
namespace meridian::sdp {

/// One codec that Meridian can forward, as a section offers it.
struct OfferedCodec {
  /// Payload types and feedback: what is offered and useful for this codec.
  rtp::CodecBinding binding;
  std::uint8_t channels = 1;
  /// Encoding name as the offer spells it.
  std::string encoding;
  /// The a=fmtp value to answer with: the parameters that we know and that select the format;
  /// private parameters of the offerer (x-google-…) are not repeated.
  std::string parameters;
  /// H264 only: profile_idc and constraint flags of profile-level-id, else 0.
  std::uint16_t h264_profile = 0;
  /// H264 only (RFC 6184 section 8.1).
  std::uint8_t packetization_mode = 0;
  /// RED only: payload type of what it carries.
  std::optional<PayloadType> red_primary;
};

/// The codecs of an audio or video section that can be forwarded, in the section's order of
/// preference. RTX is folded into the codec it repairs. Of VP9 and AV1 only profile 0, of H264 the
/// baseline and main profiles; H264 with packetization mode 0 only where mode 1 is not offered,
/// because a source may fragment. Unknown codecs are left out.
[[nodiscard]] std::vector<OfferedCodec> forwardable_codecs(const MediaSection& section);

/// Value of `key` in an a=fmtp value; nothing when absent. Keys are compared without case.
[[nodiscard]] std::optional<std::string_view> format_parameter(std::string_view parameters,
                                                               std::string_view key);

/// `video/VP8` and so on, as signalling spells codecs; empty for kUnknown.
[[nodiscard]] std::string_view mime_type(rtp::Codec codec);
/// The codec of a mime type or bare name (`video/VP8`, `vp8`), without case; kUnknown if none.
[[nodiscard]] rtp::Codec codec_from_mime_type(std::string_view name);

[[nodiscard]] std::optional<rtp::Extension> extension_from_uri(std::string_view uri);
[[nodiscard]] std::string_view extension_uri(rtp::Extension extension);

}  // namespace meridian::sdp
