#include "sdp/session.hpp"

#include <concepts>
#include <span>
#include <utility>

namespace meridian::sdp {
namespace {

/// A value that stands between spaces and so may hold none.
struct Word {
  std::string_view text;
};

/// Appends lines; whatever a value holds, it cannot end its line.
class Writer {
 public:
  template <class... Parts>
  void line(const Parts&... parts) {
    (append(parts), ...);
    text_ += "\r\n";
  }
  /// `head` and the words, with spaces between the words only.
  void list(std::string_view head, std::span<const std::string> words) {
    append(head);
    for (bool is_first = true; const std::string& word : words) {
      append(std::exchange(is_first, false) ? "" : " ");
      append(word);
    }
    text_ += "\r\n";
  }
  std::string take() { return std::move(text_); }

 private:
  void append(std::string_view value) {
    for (const char c : value) {
      if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) {
        text_.push_back(c);
      }
    }
  }
  void append(Word word) {
    for (const char c : word.text) {
      append(std::string_view(&c, c == ' ' ? 0 : 1));
    }
  }
  template <std::unsigned_integral T>
  void append(T value) {
    text_ += std::to_string(value);
  }
  void append(PayloadType type) { append(type.value()); }
  void append(Ssrc ssrc) { append(ssrc.value()); }

  std::string text_;
};

/// `text` after a space, or nothing at all.
std::string spaced(std::string_view text) {
  return text.empty() ? std::string() : " " + std::string(text);
}

std::string_view kind_name(const MediaSection& media) {
  switch (media.kind) {
    case Kind::kAudio:
      return "audio";
    case Kind::kVideo:
      return "video";
    case Kind::kApplication:
      return "application";
    case Kind::kOther:
      break;
  }
  return media.other_kind;
}

void write_transport(Writer& out, const TransportAttributes& transport) {
  if (!transport.ice_ufrag.empty()) {
    out.line("a=ice-ufrag:", transport.ice_ufrag);
  }
  if (!transport.ice_pwd.empty()) {
    out.line("a=ice-pwd:", transport.ice_pwd);
  }
  if (!transport.ice_options.empty()) {
    out.list("a=ice-options:", transport.ice_options);
  }
  for (const std::string& fingerprint : transport.fingerprints) {
    out.line("a=fingerprint:", fingerprint);
  }
  if (transport.setup) {
    out.line("a=setup:", to_string(*transport.setup));
  }
}

std::string simulcast_list(const std::vector<std::vector<SimulcastRid>>& streams) {
  std::string text;
  for (const auto& alternatives : streams) {
    text += text.empty() ? "" : ";";
    for (bool is_first = true; const SimulcastRid& rid : alternatives) {
      text += std::exchange(is_first, false) ? "" : ",";
      text += (rid.is_paused ? "~" : "") + rid.id;
    }
  }
  return text;
}

void write_simulcast(Writer& out, const MediaSection& media) {
  for (const Rid& rid : media.rids) {
    out.line("a=rid:", rid.id, rid.direction == RidDirection::kSend ? " send" : " recv",
             spaced(rid.restrictions));
  }
  if (media.simulcast.empty()) {
    return;
  }
  std::string value;
  if (!media.simulcast.send.empty()) {
    value += "send " + simulcast_list(media.simulcast.send);
  }
  if (!media.simulcast.recv.empty()) {
    value += (value.empty() ? "recv " : " recv ") + simulcast_list(media.simulcast.recv);
  }
  out.line("a=simulcast:", value);
}

void write_codecs(Writer& out, const MediaSection& media) {
  for (const RtpMap& map : media.rtpmaps) {
    out.line("a=rtpmap:", map.payload_type, " ", map.encoding, "/", map.clock_rate,
             map.channels > 1 ? "/" + std::to_string(map.channels) : std::string());
  }
  for (const RtcpFeedback& feedback : media.feedback) {
    const std::string which =
        feedback.payload_type ? std::to_string(feedback.payload_type->value()) : "*";
    out.line("a=rtcp-fb:", which, " ", feedback.value);
  }
  for (const FormatParameters& format : media.format_parameters) {
    out.line("a=fmtp:", format.payload_type, " ", format.parameters);
  }
}

void write_sources(Writer& out, const MediaSection& media) {
  for (const SsrcGroup& group : media.ssrc_groups) {
    std::string members;
    for (const Ssrc ssrc : group.ssrcs) {
      members += " " + std::to_string(ssrc.value());
    }
    out.line("a=ssrc-group:", group.semantics, members);
  }
  for (const SsrcAttribute& source : media.ssrcs) {
    out.line("a=ssrc:", source.ssrc, " ", source.attribute, source.value.empty() ? "" : ":",
             source.value);
  }
}

void write_candidates(Writer& out, const MediaSection& media) {
  for (const Candidate& candidate : media.candidates) {
    out.line("a=candidate:", candidate.foundation, " ", candidate.component, " ",
             candidate.transport, " ", candidate.priority, " ", candidate.address, " ",
             candidate.port, " typ ", candidate.type, spaced(candidate.rest));
  }
  if (media.end_of_candidates) {
    out.line("a=end-of-candidates");
  }
}

void write_media(Writer& out, const MediaSection& media) {
  std::string formats;
  for (const std::string& format : media.formats) {
    formats += " " + format;
  }
  out.line("m=", kind_name(media), " ", media.port, " ", media.protocol, formats);
  out.line("c=IN IP4 0.0.0.0");
  write_candidates(out, media);
  write_transport(out, media.transport);
  if (!media.mid.empty()) {
    out.line("a=mid:", Word(media.mid));
  }
  for (const ExtensionMapping& mapping : media.extensions) {
    const std::string way =
        mapping.direction ? "/" + std::string(to_string(*mapping.direction)) : std::string();
    out.line("a=extmap:", mapping.id, way, " ", mapping.uri);
  }
  if (media.extmap_allow_mixed) {
    out.line("a=extmap-allow-mixed");
  }
  if (media.bundle_only) {
    out.line("a=bundle-only");
  }
  if (media.kind != Kind::kApplication || media.direction != Direction::kSendRecv) {
    out.line("a=", to_string(media.direction));
  }
  for (const Msid& msid : media.msids) {
    out.line("a=msid:", Word(msid.stream), msid.track.empty() ? "" : " ", Word(msid.track));
  }
  if (media.rtcp_mux) {
    out.line("a=rtcp-mux");
  }
  if (media.rtcp_rsize) {
    out.line("a=rtcp-rsize");
  }
  write_codecs(out, media);
  write_simulcast(out, media);
  write_sources(out, media);
  if (media.sctp_port) {
    out.line("a=sctp-port:", *media.sctp_port);
  }
  if (media.max_message_size) {
    out.line("a=max-message-size:", *media.max_message_size);
  }
}

}  // namespace

std::string Session::to_string() const {
  Writer out;
  out.line("v=0");
  out.line("o=- ", id, " ", version, " IN IP4 127.0.0.1");
  out.line("s=-");
  out.line("t=0 0");
  for (const auto& mids : bundles) {
    out.list(mids.empty() ? "a=group:BUNDLE" : "a=group:BUNDLE ", mids);
  }
  if (extmap_allow_mixed) {
    out.line("a=extmap-allow-mixed");
  }
  if (!msid_semantic.empty()) {
    out.line("a=msid-semantic: ", msid_semantic);
  }
  if (ice_lite) {
    out.line("a=ice-lite");
  }
  write_transport(out, transport);
  for (const MediaSection& section : media) {
    write_media(out, section);
  }
  return out.take();
}

std::string_view to_string(SdpError error) {
  switch (error) {
    case SdpError::kTooLarge:
      return "too large";
    case SdpError::kTooManySections:
      return "too many sections";
    case SdpError::kTooManyAttributes:
      return "too many attributes";
    case SdpError::kLineTooLong:
      return "line too long";
    case SdpError::kForbiddenByte:
      return "forbidden byte";
    case SdpError::kMalformedLine:
      return "malformed line";
    case SdpError::kMissingVersion:
      return "missing version";
    case SdpError::kMalformedMedia:
      return "malformed media line";
    case SdpError::kMalformedAttribute:
      return "malformed attribute";
  }
  return "unknown";
}

std::string_view to_string(Direction direction) {
  switch (direction) {
    case Direction::kSendRecv:
      return "sendrecv";
    case Direction::kSendOnly:
      return "sendonly";
    case Direction::kRecvOnly:
      return "recvonly";
    case Direction::kInactive:
      break;
  }
  return "inactive";
}

std::string_view to_string(Setup setup) {
  switch (setup) {
    case Setup::kActpass:
      return "actpass";
    case Setup::kActive:
      return "active";
    case Setup::kPassive:
      return "passive";
    case Setup::kHoldconn:
      break;
  }
  return "holdconn";
}

Direction reversed(Direction direction) {
  switch (direction) {
    case Direction::kSendOnly:
      return Direction::kRecvOnly;
    case Direction::kRecvOnly:
      return Direction::kSendOnly;
    case Direction::kSendRecv:
    case Direction::kInactive:
      break;
  }
  return direction;
}

}  // namespace meridian::sdp
