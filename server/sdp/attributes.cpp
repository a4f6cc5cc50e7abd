#include "sdp/attributes.hpp"

#include <array>
#include <utility>

#include "sdp/text.hpp"

namespace meridian::sdp {
namespace {

constexpr std::uint8_t kMaxPayloadType = 127;
constexpr std::uint16_t kFirstSpareExtensionId = 4096;  // RFC 8285 section 8
constexpr std::uint16_t kLastSpareExtensionId = 4351;
constexpr std::size_t kMaxSimulcastStreams = 32;

// ---- Attributes of a media section. Each returns false when the value is malformed. -----------

bool read_mid(MediaSection& media, std::string_view value) {
  if (!media.mid.empty() || value.empty() || value.contains(' ')) {
    return false;
  }
  media.mid = value;
  return true;
}

bool read_rtpmap(MediaSection& media, std::string_view value) {
  const auto type = parse_payload_type(take_word(value));
  const std::string_view encoding = take(value, '/');
  const auto clock_rate = number<std::uint32_t>(take(value, '/'));
  const auto channels = value.empty() ? std::uint8_t{1} : number<std::uint8_t>(value);
  if (!type || encoding.empty() || encoding.contains(' ') || !clock_rate || *clock_rate == 0 ||
      !channels || *channels == 0) {
    return false;
  }
  media.rtpmaps.push_back({*type, std::string(encoding), *clock_rate, *channels});
  return true;
}

bool read_fmtp(MediaSection& media, std::string_view value) {
  const auto type = parse_payload_type(take_word(value));
  if (!type || value.empty()) {
    return false;
  }
  media.format_parameters.push_back({*type, std::string(value)});
  return true;
}

bool read_rtcp_fb(MediaSection& media, std::string_view value) {
  const std::string_view which = take_word(value);
  const auto type = parse_payload_type(which);
  if ((!type && which != "*") || value.empty()) {
    return false;
  }
  media.feedback.push_back({type, std::string(value)});
  return true;
}

bool read_extmap(MediaSection& media, std::string_view value) {
  std::string_view head = take_word(value);
  const auto id = number<std::uint16_t>(take(head, '/'));
  const auto way = parse_direction(head);
  const std::string_view uri = take_word(value);
  const bool is_spare = id && *id >= kFirstSpareExtensionId && *id <= kLastSpareExtensionId;
  if (!id || *id == 0 || (*id > 255 && !is_spare) || (!head.empty() && !way) || uri.empty()) {
    return false;
  }
  media.extensions.push_back({*id, way, std::string(uri)});
  return true;
}

bool read_rid(MediaSection& media, std::string_view value) {
  const std::string_view id = take_word(value);
  const std::string_view way = take_word(value);
  if (id.empty() || (way != "send" && way != "recv")) {
    return false;
  }
  media.rids.push_back({std::string(id), way == "send" ? RidDirection::kSend : RidDirection::kRecv,
                        std::string(value)});
  return true;
}

std::optional<std::vector<std::vector<SimulcastRid>>> simulcast_streams(std::string_view list) {
  std::vector<std::vector<SimulcastRid>> streams;
  while (!list.empty()) {
    if (streams.size() == kMaxSimulcastStreams) {
      return std::nullopt;
    }
    std::string_view alternatives = take(list, ';');
    auto& stream = streams.emplace_back();
    do {
      std::string_view id = take(alternatives, ',');
      const bool is_paused = id.starts_with('~');
      id.remove_prefix(is_paused ? 1 : 0);
      if (id.empty() || stream.size() == kMaxSimulcastStreams) {
        return std::nullopt;
      }
      stream.push_back({std::string(id), is_paused});
    } while (!alternatives.empty());
  }
  return streams;
}

bool read_simulcast(MediaSection& media, std::string_view value) {
  // RFC 8853 section 5.1: at most once. Pion, which repeats its peer's line in each later offer,
  // writes one for each direction.
  while (!value.empty()) {
    const std::string_view way = take_word(value);
    auto streams = simulcast_streams(take_word(value));
    if ((way != "send" && way != "recv") || !streams || streams->empty()) {
      return false;
    }
    auto& direction = way == "send" ? media.simulcast.send : media.simulcast.recv;
    if (!direction.empty()) {
      return false;
    }
    direction = *std::move(streams);
  }
  return !media.simulcast.empty();
}

bool read_ssrc(MediaSection& media, std::string_view value) {
  const auto ssrc = number<std::uint32_t>(take_word(value));
  const std::string_view attribute = take(value, ':');
  if (!ssrc || attribute.empty()) {
    return false;
  }
  media.ssrcs.push_back({Ssrc(*ssrc), std::string(attribute), std::string(value)});
  return true;
}

bool read_ssrc_group(MediaSection& media, std::string_view value) {
  SsrcGroup group{.semantics = std::string(take_word(value)), .ssrcs = {}};
  for (const std::string& word : words(value)) {
    const auto ssrc = number<std::uint32_t>(word);
    if (!ssrc) {
      return false;
    }
    group.ssrcs.emplace_back(*ssrc);
  }
  if (group.semantics.empty() || group.ssrcs.empty()) {
    return false;
  }
  media.ssrc_groups.push_back(std::move(group));
  return true;
}

bool read_msid(MediaSection& media, std::string_view value) {
  const std::string_view stream = take_word(value);
  if (stream.empty() || value.contains(' ')) {
    return false;
  }
  media.msids.push_back({std::string(stream), std::string(value)});
  return true;
}

bool read_candidate(MediaSection& media, std::string_view value) {
  Candidate candidate;
  candidate.foundation = take_word(value);
  const auto component = number<std::uint16_t>(take_word(value));
  candidate.transport = take_word(value);
  const auto priority = number<std::uint32_t>(take_word(value));
  candidate.address = take_word(value);
  const auto port = number<std::uint16_t>(take_word(value));
  const std::string_view typ = take_word(value);
  candidate.type = take_word(value);
  candidate.rest = value;
  if (candidate.foundation.empty() || !component || candidate.transport.empty() || !priority ||
      candidate.address.empty() || !port || typ != "typ" || candidate.type.empty()) {
    return false;
  }
  candidate.component = *component;
  candidate.priority = *priority;
  candidate.port = *port;
  media.candidates.push_back(std::move(candidate));
  return true;
}

bool read_sctp_port(MediaSection& media, std::string_view value) {
  media.sctp_port = number<std::uint16_t>(value);
  return media.sctp_port.has_value();
}

bool read_max_message_size(MediaSection& media, std::string_view value) {
  media.max_message_size = number<std::uint64_t>(value);
  return media.max_message_size.has_value();
}

template <bool MediaSection::* Flag>
bool read_flag(MediaSection& media, std::string_view /*value*/) {
  media.*Flag = true;
  return true;
}

struct MediaAttribute {
  std::string_view name;
  bool (*read)(MediaSection&, std::string_view);
};

constexpr std::array kAnyMediaAttributes = {
    MediaAttribute{"mid", read_mid},
    MediaAttribute{"candidate", read_candidate},
    MediaAttribute{"end-of-candidates", read_flag<&MediaSection::end_of_candidates>},
    MediaAttribute{"bundle-only", read_flag<&MediaSection::bundle_only>},
    MediaAttribute{"sctp-port", read_sctp_port},
    MediaAttribute{"max-message-size", read_max_message_size},
};
constexpr std::array kRtpAttributes = {
    MediaAttribute{"rtpmap", read_rtpmap},
    MediaAttribute{"fmtp", read_fmtp},
    MediaAttribute{"rtcp-fb", read_rtcp_fb},
    MediaAttribute{"extmap", read_extmap},
    MediaAttribute{"rid", read_rid},
    MediaAttribute{"simulcast", read_simulcast},
    MediaAttribute{"ssrc", read_ssrc},
    MediaAttribute{"ssrc-group", read_ssrc_group},
    MediaAttribute{"msid", read_msid},
    MediaAttribute{"rtcp-mux", read_flag<&MediaSection::rtcp_mux>},
    MediaAttribute{"rtcp-rsize", read_flag<&MediaSection::rtcp_rsize>},
    MediaAttribute{"extmap-allow-mixed", read_flag<&MediaSection::extmap_allow_mixed>},
};

}  // namespace

bool is_rtp(const MediaSection& media) {
  return media.kind == Kind::kAudio || media.kind == Kind::kVideo;
}

std::optional<PayloadType> parse_payload_type(std::string_view text) {
  const auto value = number<std::uint8_t>(text);
  if (!value || *value > kMaxPayloadType) {
    return std::nullopt;
  }
  return PayloadType(*value);
}

std::optional<Direction> parse_direction(std::string_view text) {
  for (const Direction candidate :
       {Direction::kSendRecv, Direction::kSendOnly, Direction::kRecvOnly, Direction::kInactive}) {
    if (text == to_string(candidate)) {
      return candidate;
    }
  }
  return std::nullopt;
}

bool read_media_attribute(MediaSection& media, std::string_view name, std::string_view value) {
  for (const MediaAttribute& attribute : kAnyMediaAttributes) {
    if (attribute.name == name) {
      return attribute.read(media, value);
    }
  }
  if (is_rtp(media)) {
    for (const MediaAttribute& attribute : kRtpAttributes) {
      if (attribute.name == name) {
        return attribute.read(media, value);
      }
    }
  }
  if (const auto way = parse_direction(name)) {
    media.direction = *way;
    return true;
  }
  return read_transport_attribute(media.transport, name, value).value_or(true);
}

std::optional<bool> read_transport_attribute(TransportAttributes& transport, std::string_view name,
                                             std::string_view value) {
  if (name == "ice-ufrag") {
    transport.ice_ufrag = value;
    return !value.empty();
  }
  if (name == "ice-pwd") {
    transport.ice_pwd = value;
    return !value.empty();
  }
  if (name == "ice-options") {
    transport.ice_options = words(value);
    return !transport.ice_options.empty();
  }
  if (name == "fingerprint") {
    transport.fingerprints.emplace_back(value);
    return !value.empty();
  }
  if (name == "setup") {
    for (const Setup setup : {Setup::kActpass, Setup::kActive, Setup::kPassive, Setup::kHoldconn}) {
      if (value == to_string(setup)) {
        transport.setup = setup;
        return true;
      }
    }
    return false;
  }
  return std::nullopt;
}

}  // namespace meridian::sdp
