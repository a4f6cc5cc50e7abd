#include "meeting/server_offer.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <string>
#include <utility>

namespace meridian::meeting {
namespace {

using rtp::Codec;
using rtp::Extension;

constexpr std::array kAudioExtensions = {Extension::kTransportSequence, Extension::kAbsSendTime,
                                         Extension::kAbsCaptureTime};
constexpr std::array kVideoExtensions = {
    Extension::kTransportSequence, Extension::kAbsSendTime, Extension::kAbsCaptureTime,
    Extension::kDependencyDescriptor, Extension::kPlayoutDelay};

sdp::OfferedCodec audio(Codec codec, std::uint8_t type, std::string encoding,
                        std::string parameters) {
  sdp::OfferedCodec offered;
  offered.binding.codec = codec;
  offered.binding.payload_type = PayloadType(type);
  offered.binding.clock_rate = 48000;
  offered.binding.nack = codec == Codec::kOpus;
  offered.binding.transport_cc = true;
  offered.channels = 2;
  offered.encoding = std::move(encoding);
  offered.parameters = std::move(parameters);
  return offered;
}

/// RTX has the next payload type.
sdp::OfferedCodec video(Codec codec, std::uint8_t type, std::string encoding,
                        std::string parameters) {
  sdp::OfferedCodec offered;
  offered.binding = {.codec = codec,
                     .payload_type = PayloadType(type),
                     .rtx = PayloadType(static_cast<std::uint8_t>(type + 1)),
                     .clock_rate = 90000,
                     .nack = true,
                     .pli = true,
                     .fir = true,
                     .transport_cc = true,
                     .remb = true};
  offered.encoding = std::move(encoding);
  offered.parameters = std::move(parameters);
  return offered;
}

sdp::OfferedCodec h264(std::uint8_t type, std::uint16_t profile) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string id;
  for (const unsigned shift : {12U, 8U, 4U, 0U}) {
    id += kDigits[(profile >> shift) & 0xfU];
  }
  sdp::OfferedCodec offered =
      video(Codec::kH264, type, "H264",
            "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=" + id + "1f");
  offered.h264_profile = profile;
  offered.packetization_mode = 1;
  return offered;
}

}  // namespace

std::vector<sdp::OfferedCodec> offerable_codecs(rtp::MediaKind kind, bool takes_red) {
  if (kind == rtp::MediaKind::kVideo) {
    return {video(Codec::kVp8, 96, "VP8", ""),
            h264(108, 0x42e0),
            h264(102, 0x4200),
            h264(106, 0x4d00),
            video(Codec::kVp9, 98, "VP9", "profile-id=0"),
            video(Codec::kAv1, 35, "AV1", "")};
  }
  std::vector<sdp::OfferedCodec> codecs = {
      audio(Codec::kOpus, 111, "opus", "minptime=10;useinbandfec=1")};
  if (takes_red) {
    codecs.push_back(audio(Codec::kRed, 63, "red", "111/111"));
    codecs.back().red_primary = PayloadType(111);
  }
  return codecs;
}

sdp::MediaSection offered_section(const rtp::Token& mid, sdp::Kind kind,
                                  const ice::Credentials& local,
                                  const dtls::Fingerprint& fingerprint) {
  sdp::MediaSection offer;
  offer.kind = kind;
  offer.mid = std::string(mid.view());
  offer.protocol = kind == sdp::Kind::kApplication ? "UDP/DTLS/SCTP" : "UDP/TLS/RTP/SAVPF";
  offer.transport.ice_ufrag = local.ufrag;
  offer.transport.ice_pwd = local.password;
  offer.transport.ice_options = {"trickle"};
  offer.transport.fingerprints = {fingerprint.to_string()};
  // Not actpass: to that pion answers that it is the DTLS server of any ICE-lite peer.
  offer.transport.setup = sdp::Setup::kPassive;
  if (kind != sdp::Kind::kApplication) {
    offer.rtcp_mux = true;
    offer.rtcp_rsize = true;
    offer.extmap_allow_mixed = true;
  }
  return offer;
}

void write_offered_extensions(sdp::MediaSection& offer, rtp::MediaKind kind,
                              PlayoutDelayUse playout_delay) {
  // The same id for the same extension in every section of the group.
  std::uint16_t id = 0;
  for (const Extension extension : kVideoExtensions) {
    ++id;
    const bool is_for_kind =
        kind == rtp::MediaKind::kVideo ||
        std::ranges::find(kAudioExtensions, extension) != kAudioExtensions.end();
    const bool is_for_room =
        extension != Extension::kPlayoutDelay || playout_delay == PlayoutDelayUse::kSent;
    if (is_for_kind && is_for_room) {
      offer.extensions.push_back(
          {.id = id, .direction = std::nullopt, .uri = std::string(sdp::extension_uri(extension))});
    }
  }
}

std::vector<sdp::OfferedCodec> answered_codecs(const sdp::MediaSection& answer, rtp::MediaKind kind,
                                               bool takes_red) {
  const std::vector<sdp::OfferedCodec> offered = offerable_codecs(kind, takes_red);
  std::vector<sdp::OfferedCodec> codecs;
  std::ranges::copy_if(sdp::forwardable_codecs(answer), std::back_inserter(codecs),
                       [&](const auto& codec) {
                         return std::ranges::any_of(offered, [&](const sdp::OfferedCodec& own) {
                           return own.binding.payload_type == codec.binding.payload_type &&
                                  own.binding.codec == codec.binding.codec;
                         });
                       });
  return codecs;
}

}  // namespace meridian::meeting
