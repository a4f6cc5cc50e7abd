#include "meeting/negotiation_answer.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <tuple>
#include <utility>

namespace meridian::meeting {
namespace {

using rtp::Codec;
using rtp::Extension;

constexpr std::uint8_t kMaxOneByteExtensionId = 14;  // RFC 8285 section 4.2
// Video orientation stays out: then publishers rotate before they encode, which every subscriber
// understands. A publisher's playout delay is not passed on: the room has one, or none.
constexpr std::array kBothWays = {Extension::kMid,
                                  Extension::kAudioLevel,
                                  Extension::kAbsSendTime,
                                  Extension::kTransportSequence,
                                  Extension::kAbsCaptureTime,
                                  Extension::kDependencyDescriptor};
constexpr std::array kOnlyReceived = {Extension::kRid, Extension::kRepairedRid,
                                      Extension::kVideoLayersAllocation};

bool is_in(Extension extension, std::span<const Extension> list) {
  return std::ranges::count(list, extension) > 0;
}

sdp::Direction way(const sdp::ExtensionMapping& mapping) {
  return mapping.direction.value_or(sdp::Direction::kSendRecv);
}

/// The extension of an offered line, if it is that line that was accepted.
std::optional<Extension> accepted_as(const sdp::ExtensionMapping& mapping,
                                     const rtp::ExtensionMap& accepted) {
  const auto extension = sdp::extension_from_uri(mapping.uri);
  return extension && accepted.id(*extension) == mapping.id ? extension : std::nullopt;
}

bool includes(const std::vector<Codec>& codecs, Codec codec) {
  return std::ranges::count(codecs, codec) > 0;
}

/// Constrained baseline, then baseline, then the rest.
int h264_rank(const sdp::OfferedCodec& codec) {
  switch (codec.h264_profile) {
    case 0:  // not H264
    case 0x42e0:
      return 0;
    case 0x4200:
      return 1;
    default:
      return 2;
  }
}

void append_parameters(sdp::MediaSection& answer, PayloadType type, std::string_view more) {
  const auto line =
      std::ranges::find(answer.format_parameters, type, &sdp::FormatParameters::payload_type);
  if (line == answer.format_parameters.end()) {
    answer.format_parameters.push_back({type, std::string(more)});
  } else {
    line->parameters.append(";").append(more);
  }
}

void write_feedback(sdp::MediaSection& answer, const rtp::CodecBinding& binding) {
  const std::array<std::pair<bool, const char*>, 5> values = {
      {{binding.remb, "goog-remb"},
       {binding.transport_cc, "transport-cc"},
       {binding.fir, "ccm fir"},
       {binding.nack, "nack"},
       {binding.pli, "nack pli"}}};
  for (const auto& [is_set, value] : values) {
    if (is_set) {
      answer.feedback.push_back({binding.payload_type, value});
    }
  }
}

}  // namespace

std::vector<sdp::OfferedCodec> codecs_to_receive(const std::vector<sdp::OfferedCodec>& offered,
                                                 const std::vector<Codec>& enabled,
                                                 const PublishPolicy& policy) {
  std::vector<sdp::OfferedCodec> red;
  std::vector<sdp::OfferedCodec> preferred;
  std::vector<sdp::OfferedCodec> others;
  for (const sdp::OfferedCodec& codec : offered) {
    if (!includes(enabled, codec.binding.codec)) {
      continue;
    }
    if (codec.binding.codec == Codec::kRed) {
      if (!policy.disable_red && !policy.encrypted) {
        red.push_back(codec);
      }
    } else {
      (codec.binding.codec == policy.preferred ? preferred : others).push_back(codec);
    }
  }
  preferred.insert(preferred.end(), others.begin(), others.end());
  if (preferred.empty()) {
    return {};  // RED cannot stand alone
  }
  red.insert(red.end(), preferred.begin(), preferred.end());
  return red;
}

std::vector<sdp::OfferedCodec> codecs_to_send(std::vector<sdp::OfferedCodec> offered,
                                              const std::vector<Codec>& source) {
  using Ranked = std::tuple<std::ptrdiff_t, int, std::size_t>;
  std::vector<Ranked> order;
  const auto has_red = [](const sdp::OfferedCodec& codec) {
    return codec.binding.codec == Codec::kRed;
  };
  const bool sends_red = includes(source, Codec::kRed) && std::ranges::any_of(offered, has_red);
  for (std::size_t i = 0; i < offered.size(); ++i) {
    rtp::CodecBinding& binding = offered[i].binding;
    binding.nack = binding.nack && !(sends_red && binding.codec == Codec::kOpus);
    const auto place = std::ranges::find(source, binding.codec) - source.begin();
    order.emplace_back(place, h264_rank(offered[i]), i);
  }
  std::ranges::sort(order);
  std::vector<sdp::OfferedCodec> sorted;
  sorted.reserve(order.size());
  for (const Ranked& ranked : order) {
    sorted.push_back(std::move(offered[std::get<std::size_t>(ranked)]));
  }
  return sorted;
}

std::vector<rtp::CodecBinding> bindings_of(const std::vector<sdp::OfferedCodec>& codecs) {
  std::vector<rtp::CodecBinding> bindings;
  std::ranges::transform(codecs, std::back_inserter(bindings), &sdp::OfferedCodec::binding);
  return bindings;
}

rtp::ExtensionMap accepted_extensions(const sdp::MediaSection& offer, bool allows_mixed,
                                      PlayoutDelayUse playout_delay) {
  const std::uint16_t max_id = allows_mixed ? rtp::ExtensionMap::kMaxId : kMaxOneByteExtensionId;
  rtp::ExtensionMap accepted;
  for (const sdp::ExtensionMapping& mapping : offer.extensions) {
    const auto extension = sdp::extension_from_uri(mapping.uri);
    if (!extension || mapping.id > max_id || accepted.has(*extension)) {
      continue;
    }
    bool is_wanted = is_in(*extension, kBothWays)
                         ? mapping.direction != sdp::Direction::kInactive
                         : is_in(*extension, kOnlyReceived) && sdp::sends(way(mapping));
    if (*extension == Extension::kPlayoutDelay) {
      is_wanted = playout_delay == PlayoutDelayUse::kSent && offer.kind == sdp::Kind::kVideo &&
                  sdp::receives(way(mapping));
    }
    if (is_wanted) {
      accepted.set(*extension, static_cast<std::uint8_t>(mapping.id));
    }
  }
  return accepted;
}

rtp::ExtensionMap extensions_to_send(const sdp::MediaSection& offer,
                                     const rtp::ExtensionMap& accepted) {
  rtp::ExtensionMap sendable;
  for (const sdp::ExtensionMapping& mapping : offer.extensions) {
    const auto extension = accepted_as(mapping, accepted);
    const bool is_sent =
        extension && (is_in(*extension, kBothWays) || *extension == Extension::kPlayoutDelay);
    if (is_sent && sdp::receives(way(mapping))) {
      sendable.set(*extension, accepted.id(*extension));
    }
  }
  return sendable;
}

sdp::MediaSection rejected(const sdp::MediaSection& offer) {
  sdp::MediaSection answer;
  answer.kind = offer.kind;
  answer.other_kind = offer.other_kind;
  answer.port = 0;
  answer.protocol = offer.protocol;
  answer.formats = offer.formats;
  answer.mid = offer.mid;
  answer.direction = sdp::Direction::kInactive;
  return answer;
}

sdp::MediaSection accepted(const sdp::MediaSection& offer, const ice::Credentials& local,
                           const dtls::Fingerprint& fingerprint) {
  sdp::MediaSection answer;
  answer.kind = offer.kind;
  answer.protocol = offer.protocol;
  answer.mid = offer.mid;
  answer.transport.ice_ufrag = local.ufrag;
  answer.transport.ice_pwd = local.password;
  answer.transport.ice_options = {"trickle"};
  answer.transport.fingerprints = {fingerprint.to_string()};
  answer.transport.setup = sdp::Setup::kPassive;
  if (offer.kind != sdp::Kind::kApplication) {
    answer.rtcp_mux = true;
    answer.rtcp_rsize = offer.rtcp_rsize;
    answer.extmap_allow_mixed = offer.extmap_allow_mixed;
  }
  return answer;
}

void write_codecs(sdp::MediaSection& answer, const std::vector<sdp::OfferedCodec>& codecs) {
  for (const sdp::OfferedCodec& codec : codecs) {
    const rtp::CodecBinding& binding = codec.binding;
    answer.formats.push_back(std::to_string(binding.payload_type.value()));
    answer.rtpmaps.push_back(
        {binding.payload_type, codec.encoding, binding.clock_rate, codec.channels});
    write_feedback(answer, binding);
    if (!codec.parameters.empty()) {
      answer.format_parameters.push_back({binding.payload_type, codec.parameters});
    }
    if (binding.rtx) {
      answer.formats.push_back(std::to_string(binding.rtx->value()));
      answer.rtpmaps.push_back({*binding.rtx, "rtx", binding.clock_rate, 1});
      answer.format_parameters.push_back(
          {*binding.rtx, "apt=" + std::to_string(binding.payload_type.value())});
    }
  }
}

void write_extensions(sdp::MediaSection& answer, const sdp::MediaSection& offer,
                      const rtp::ExtensionMap& accepted) {
  for (const sdp::ExtensionMapping& mapping : offer.extensions) {
    if (accepted_as(mapping, accepted)) {
      answer.extensions.push_back(mapping);
      auto& direction = answer.extensions.back().direction;
      if (direction) {
        direction = sdp::reversed(*direction);
      }
    }
  }
}

void write_publish_policy(sdp::MediaSection& answer, const std::vector<sdp::OfferedCodec>& codecs,
                          const PublishPolicy& policy) {
  for (const sdp::OfferedCodec& codec : codecs) {
    if (codec.binding.codec != Codec::kOpus) {
      continue;
    }
    if (!policy.disable_dtx) {
      append_parameters(answer, codec.binding.payload_type, "usedtx=1");
    }
    if (policy.stereo) {
      append_parameters(answer, codec.binding.payload_type, "stereo=1;maxaveragebitrate=510000");
    }
  }
}

void write_simulcast(sdp::MediaSection& answer, std::span<const rtp::Token> rids) {
  for (const rtp::Token& rid : rids) {
    const std::string name(rid.view());
    answer.rids.push_back({name, sdp::RidDirection::kRecv, ""});
    answer.simulcast.recv.push_back({{.id = name, .is_paused = false}});
  }
}

void write_sender(sdp::MediaSection& answer, const SenderSpec& spec, const SendBinding& binding) {
  const std::string& second = spec.stream.empty() ? spec.track_sid : spec.stream;
  answer.msids.push_back({spec.participant_sid + "|" + second, spec.track_sid});
  const bool has_rtx = binding.rtx_ssrc != Ssrc{};
  if (has_rtx) {
    answer.ssrc_groups.push_back({"FID", {binding.ssrc, binding.rtx_ssrc}});
  }
  answer.ssrcs.push_back({binding.ssrc, "cname", spec.participant_sid});
  if (has_rtx) {
    answer.ssrcs.push_back({binding.rtx_ssrc, "cname", spec.participant_sid});
  }
  if (spec.stereo) {
    for (const rtp::CodecBinding& codec : binding.codecs) {
      if (codec.codec == Codec::kOpus) {
        append_parameters(answer, codec.payload_type, "sprop-stereo=1");
      }
    }
  }
}

void write_data(sdp::MediaSection& answer) {
  answer.formats = {"webrtc-datachannel"};
  answer.sctp_port = kSctpPort;
  answer.max_message_size = kMaxDataMessageSize;
}

void write_candidates(sdp::MediaSection& answer, const LocalDescription& local) {
  const auto add = [&](const SocketAddress& address, std::string transport, std::uint32_t priority,
                       std::string rest) {
    answer.candidates.push_back({.foundation = std::to_string(answer.candidates.size() + 1),
                                 .component = 1,
                                 .transport = std::move(transport),
                                 .priority = priority,
                                 .address = address.ip.to_string(),
                                 .port = address.port,
                                 .type = "host",
                                 .rest = std::move(rest)});
  };
  for (std::size_t i = 0; i < local.candidates.size(); ++i) {
    add(local.candidates[i], "udp", host_priority(i), "");
  }
  for (std::size_t i = 0; i < local.tcp_candidates.size(); ++i) {
    add(local.tcp_candidates[i], "tcp", tcp_priority(i), "tcptype passive");
  }
  answer.end_of_candidates = true;
}

namespace {

constexpr std::uint32_t kComponent = 1;

std::uint32_t priority(std::uint32_t type_preference, std::uint32_t local_preference) {
  return (type_preference << 24U) | (local_preference << 8U) | (256 - kComponent);
}

}  // namespace

std::uint32_t host_priority(std::size_t index) {
  constexpr std::uint32_t kHostTypePreference = 126;
  constexpr std::size_t kMaxLocalPreference = 65535;
  return priority(
      kHostTypePreference,
      static_cast<std::uint32_t>(kMaxLocalPreference - std::min(index, kMaxLocalPreference)));
}

std::uint32_t tcp_priority(std::size_t index) {
  constexpr std::uint32_t kTcpTypePreference = 90;  // below everything over UDP
  constexpr std::uint32_t kPassive = 4;             // direction preference of a host candidate
  constexpr std::uint32_t kMaxOtherPreference = 8191;
  const auto other =
      kMaxOtherPreference - std::min(static_cast<std::uint32_t>(index), kMaxOtherPreference);
  return priority(kTcpTypePreference, (kPassive << 13U) | other);
}

}  // namespace meridian::meeting
