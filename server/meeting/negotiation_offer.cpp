#include "meeting/negotiation_offer.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/check.hpp"
#include "sdp/codecs.hpp"

namespace meridian::meeting {
namespace {

using Error = std::optional<NegotiationError>;

// RFC 8839 section 5.4.
constexpr std::size_t kMinUfragSize = 4;
constexpr std::size_t kMinPasswordSize = 22;
constexpr std::size_t kMaxCredentialSize = 256;

bool is_rtp(const sdp::MediaSection& media) {
  return media.kind == sdp::Kind::kAudio || media.kind == sdp::Kind::kVideo;
}

bool is_answerable(const sdp::MediaSection& media) {
  if (is_rtp(media)) {
    return media.protocol == "UDP/TLS/RTP/SAVPF" || media.protocol == "TCP/TLS/RTP/SAVPF" ||
           media.protocol == "RTP/SAVPF";
  }
  return media.kind == sdp::Kind::kApplication && media.protocol.ends_with("DTLS/SCTP") &&
         std::ranges::count(media.formats, "webrtc-datachannel") > 0;
}

bool is_ice_text(std::string_view text, std::size_t min_size) {
  const auto is_ice_char = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
  };
  return text.size() >= min_size && text.size() <= kMaxCredentialSize &&
         std::ranges::all_of(text, is_ice_char);
}

Error check_mids(CheckedDescription& offer) {
  std::set<std::string_view> seen;
  bool has_data = false;
  for (const sdp::MediaSection& media : offer.session.media) {
    const auto mid = rtp::Token::parse(media.mid);
    if (!mid && !(media.is_rejected() && media.mid.empty())) {
      return NegotiationError::kMissingMid;
    }
    if (mid && !seen.insert(media.mid).second) {
      return NegotiationError::kDuplicateMid;
    }
    const bool is_data = media.kind == sdp::Kind::kApplication;
    offer.mids.push_back(mid.value_or(rtp::Token{}));
    offer.is_live.push_back(!media.is_rejected() && is_answerable(media) &&
                            !(is_data && has_data));  // a transport has one SCTP association
    has_data |= is_data && offer.is_live.back();
  }
  return std::ranges::count(offer.is_live, true) > 0 ? Error{} : NegotiationError::kNoMedia;
}

Error check_bundle(const CheckedDescription& offer) {
  const auto& bundles = offer.session.bundles;
  if (bundles.size() != 1) {
    return NegotiationError::kNotBundled;
  }
  const std::set<std::string_view> grouped(bundles.front().begin(), bundles.front().end());
  for (std::size_t i = 0; i < offer.mids.size(); ++i) {
    const sdp::MediaSection& media = offer.session.media[i];
    if (offer.is_live[i] && !grouped.contains(media.mid)) {
      return NegotiationError::kNotBundled;
    }
    if (offer.is_live[i] && is_rtp(media) && !media.rtcp_mux) {
      return NegotiationError::kNoRtcpMux;
    }
  }
  return {};
}

/// The live section that stands first in the BUNDLE group: its ICE attributes hold for all
/// (RFC 8843 section 7.1.3).
const sdp::MediaSection& tagged_section(const CheckedDescription& offer) {
  for (const std::string& mid : offer.session.bundles.front()) {
    for (std::size_t i = 0; i < offer.mids.size(); ++i) {
      if (offer.is_live[i] && offer.session.media[i].mid == mid) {
        return offer.session.media[i];
      }
    }
  }
  MERIDIAN_CHECK(false);  // check_bundle() found every live section in the group
}

Error check_ice(CheckedDescription& offer) {
  const sdp::TransportAttributes& own = tagged_section(offer).transport;
  const sdp::TransportAttributes& shared = offer.session.transport;
  offer.credentials = {.ufrag = own.ice_ufrag.empty() ? shared.ice_ufrag : own.ice_ufrag,
                       .password = own.ice_pwd.empty() ? shared.ice_pwd : own.ice_pwd};
  return is_ice_text(offer.credentials.ufrag, kMinUfragSize) &&
                 is_ice_text(offer.credentials.password, kMinPasswordSize)
             ? Error{}
             : NegotiationError::kNoCredentials;
}

Error check_setup(const CheckedDescription& offer) {
  for (std::size_t i = 0; i < offer.mids.size(); ++i) {
    const auto& own = offer.session.media[i].transport.setup;
    // Absent means active (RFC 4145 section 4).
    const auto setup = (own ? own : offer.session.transport.setup).value_or(sdp::Setup::kActive);
    if (offer.is_live[i] && setup != sdp::Setup::kActive && setup != sdp::Setup::kActpass) {
      return NegotiationError::kBadSetup;
    }
  }
  return {};
}

Error check_dtls(CheckedDescription& offer) {
  std::optional<dtls::Fingerprint> agreed;
  const sdp::TransportAttributes& shared = offer.session.transport;
  for (std::size_t i = 0; i < offer.mids.size(); ++i) {
    if (!offer.is_live[i]) {
      continue;
    }
    const sdp::TransportAttributes& own = offer.session.media[i].transport;
    const auto& listed = own.fingerprints.empty() ? shared.fingerprints : own.fingerprints;
    bool has_usable = listed.empty();
    for (const std::string& text : listed) {
      if (const auto fingerprint = dtls::Fingerprint::parse(text)) {
        has_usable = true;
        if (agreed && *agreed != *fingerprint) {
          return NegotiationError::kFingerprintMismatch;
        }
        agreed = fingerprint;
      }
    }
    if (!has_usable) {
      return NegotiationError::kNoFingerprint;
    }
  }
  if (!agreed) {
    return NegotiationError::kNoFingerprint;
  }
  offer.fingerprint = *agreed;
  return {};
}

Error check_extensions(CheckedDescription& offer) {
  std::map<std::uint16_t, std::string_view> uris;
  bool all_sections_mix = true;
  for (std::size_t i = 0; i < offer.mids.size(); ++i) {
    const sdp::MediaSection& media = offer.session.media[i];
    if (!offer.is_live[i] || !is_rtp(media)) {
      continue;
    }
    all_sections_mix &= media.extmap_allow_mixed;
    for (const sdp::ExtensionMapping& mapping : media.extensions) {
      if (uris.try_emplace(mapping.id, mapping.uri).first->second != mapping.uri) {
        return NegotiationError::kExtensionConflict;
      }
    }
  }
  offer.allows_mixed_extensions = offer.session.extmap_allow_mixed || all_sections_mix;
  return {};
}

void find_data(CheckedDescription& offer) {
  for (std::size_t i = 0; i < offer.mids.size(); ++i) {
    const sdp::MediaSection& media = offer.session.media[i];
    if (offer.is_live[i] && media.kind == sdp::Kind::kApplication) {
      DataSection data{.mid = offer.mids[i]};
      data.remote_sctp_port = media.sctp_port.value_or(kSctpPort);
      data.remote_max_message_size = media.max_message_size.value_or(data.remote_max_message_size);
      offer.data = data;
    }
  }
}

}  // namespace

base::Expected<CheckedDescription, NegotiationError> check_description(std::string_view text,
                                                                       DescriptionType type) {
  auto session = sdp::parse(text);
  if (!session) {
    return std::unexpected(NegotiationError::kMalformed);
  }
  CheckedDescription offer;
  offer.session = *std::move(session);
  Error error = check_mids(offer);
  error = error ? error : check_bundle(offer);
  error = error ? error : check_ice(offer);
  error = error || type == DescriptionType::kAnswer ? error : check_setup(offer);
  error = error ? error : check_dtls(offer);
  error = error ? error : check_extensions(offer);
  if (error) {
    return std::unexpected(*error);
  }
  find_data(offer);
  return offer;
}

std::vector<rtp::Token> offered_rids(const sdp::MediaSection& media) {
  std::vector<std::string_view> names;
  names.reserve(media.simulcast.send.size());
  for (const auto& alternatives : media.simulcast.send) {
    names.push_back(alternatives.front().id);  // the most preferred
  }
  if (names.empty()) {
    for (const sdp::Rid& rid : media.rids) {
      if (rid.direction == sdp::RidDirection::kSend) {
        names.push_back(rid.id);
      }
    }
  }
  std::vector<rtp::Token> rids;
  for (const std::string_view name : names) {
    const auto is_declared = [&](const sdp::Rid& rid) {
      return rid.id == name && rid.direction == sdp::RidDirection::kSend;
    };
    const auto rid = rtp::Token::parse(name);
    if (rid && std::ranges::any_of(media.rids, is_declared) &&
        std::ranges::count(rids, *rid) == 0 && rids.size() < kMaxSimulcastLayers) {
      rids.push_back(*rid);
    }
  }
  return rids;
}

std::vector<rtp::Token> lowest_first(std::vector<rtp::Token> rids) {
  for (const std::string_view scale : {std::string_view("qhf"), std::string_view("210")}) {
    const auto rank = [&](const rtp::Token& rid) {
      return rid.view().size() == 1 ? scale.find(rid.view()) : std::string_view::npos;
    };
    const auto is_known = [&](const rtp::Token& rid) {
      return rank(rid) != std::string_view::npos;
    };
    if (std::ranges::all_of(rids, is_known)) {
      std::ranges::sort(rids, {}, rank);
      return rids;
    }
  }
  return rids;
}

std::vector<rtp::SignalledSource> signalled_sources(const sdp::MediaSection& media) {
  std::vector<rtp::SignalledSource> sources;
  std::set<Ssrc> secondary;  // RTX and FEC, which are no sources of their own
  std::map<Ssrc, Ssrc> rtx_of;
  std::vector<Ssrc> order;
  for (const sdp::SsrcGroup& group : media.ssrc_groups) {
    if (group.semantics == "SIM") {  // layers, lowest first
      order.insert(order.begin(), group.ssrcs.begin(), group.ssrcs.end());
    } else if (group.ssrcs.size() == 2) {
      secondary.insert(group.ssrcs[1]);
      if (group.semantics == "FID") {
        rtx_of.try_emplace(group.ssrcs[0], group.ssrcs[1]);
      }
    }
  }
  for (const sdp::SsrcAttribute& line : media.ssrcs) {
    order.push_back(line.ssrc);
  }
  for (const Ssrc ssrc : order) {
    const bool is_new = std::ranges::count(sources, ssrc, &rtp::SignalledSource::ssrc) == 0;
    if (is_new && !secondary.contains(ssrc) && sources.size() < kMaxSignalledSources) {
      const auto rtx = rtx_of.find(ssrc);
      sources.push_back(
          {.ssrc = ssrc,
           .rtx = rtx == rtx_of.end() ? std::nullopt : std::optional<Ssrc>(rtx->second)});
    }
  }
  return sources;
}

sdp::Msid offered_msid(const sdp::MediaSection& media) {
  sdp::Msid msid;
  if (!media.msids.empty()) {
    msid = media.msids.front();
  } else {
    const auto line = std::ranges::find(media.ssrcs, "msid", &sdp::SsrcAttribute::attribute);
    if (line != media.ssrcs.end()) {
      const std::size_t space = line->value.find(' ');
      msid.stream = line->value.substr(0, space);
      msid.track = space == std::string::npos ? std::string() : line->value.substr(space + 1);
    }
  }
  if (msid.stream == "-") {  // RFC 8830 section 2: no stream
    msid.stream.clear();
  }
  return msid;
}

bool offers_stereo(const sdp::MediaSection& media) {
  return std::ranges::any_of(media.format_parameters, [](const sdp::FormatParameters& line) {
    return sdp::format_parameter(line.parameters, "stereo") == "1";
  });
}

}  // namespace meridian::meeting
