#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/expected.hpp"
#include "base/rtp_types.hpp"

/// The session descriptions of WebRTC (RFC 8866, RFC 8829) as values. Parsing is strict about
/// numbers and sizes, and silent about attributes that are not modelled here.
namespace meridian::sdp {

/// A participant of a meeting of 100 has about 200 sections; a browser's video section is 4 to 6
/// KB.
inline constexpr std::size_t kMaxSize = std::size_t{1536} * 1024;
inline constexpr std::size_t kMaxSections = 1024;
inline constexpr std::size_t kMaxLineSize = 16 * 1024;  // one a=group:BUNDLE names every section
inline constexpr std::size_t kMaxAttributesPerSection = 512;
inline constexpr std::size_t kMaxFormats = 128;  // payload types are 7 bits

enum class SdpError : std::uint8_t {
  kTooLarge,
  kTooManySections,
  kTooManyAttributes,
  kLineTooLong,
  kForbiddenByte,       // a control character inside a line
  kMalformedLine,       // not `x=…`, or an empty line in the middle
  kMissingVersion,      // does not begin with v=0
  kMalformedMedia,      // m= line
  kMalformedAttribute,  // a modelled attribute whose value breaks its grammar or range
};

[[nodiscard]] std::string_view to_string(SdpError error);

enum class Kind : std::uint8_t { kAudio, kVideo, kApplication, kOther };
enum class Direction : std::uint8_t { kSendRecv, kSendOnly, kRecvOnly, kInactive };
enum class Setup : std::uint8_t { kActpass, kActive, kPassive, kHoldconn };

[[nodiscard]] std::string_view to_string(Direction direction);
[[nodiscard]] std::string_view to_string(Setup setup);
/// The same direction seen from the other side.
[[nodiscard]] Direction reversed(Direction direction);
[[nodiscard]] constexpr bool sends(Direction direction) {
  return direction == Direction::kSendRecv || direction == Direction::kSendOnly;
}
[[nodiscard]] constexpr bool receives(Direction direction) {
  return direction == Direction::kSendRecv || direction == Direction::kRecvOnly;
}

/// `a=rtpmap:111 opus/48000/2`
struct RtpMap {
  PayloadType payload_type;
  std::string encoding;
  std::uint32_t clock_rate = 0;
  std::uint8_t channels = 1;
  friend bool operator==(const RtpMap&, const RtpMap&) = default;
};

/// `a=fmtp:111 minptime=10;useinbandfec=1`
struct FormatParameters {
  PayloadType payload_type;
  std::string parameters;
  friend bool operator==(const FormatParameters&, const FormatParameters&) = default;
};

/// `a=rtcp-fb:96 nack pli`; without a payload type for `*`.
struct RtcpFeedback {
  std::optional<PayloadType> payload_type;
  std::string value;
  friend bool operator==(const RtcpFeedback&, const RtcpFeedback&) = default;
};

/// `a=extmap:4/sendonly uri` (RFC 8285). `id` is 1 to 255, or 4096 to 4351 in an offer that has
/// more extensions than ids.
struct ExtensionMapping {
  std::uint16_t id = 0;
  std::optional<Direction> direction;
  std::string uri;
  friend bool operator==(const ExtensionMapping&, const ExtensionMapping&) = default;
};

enum class RidDirection : std::uint8_t { kSend, kRecv };

/// `a=rid:q send max-width=320` (RFC 8851).
struct Rid {
  std::string id;
  RidDirection direction = RidDirection::kSend;
  std::string restrictions;
  friend bool operator==(const Rid&, const Rid&) = default;
};

struct SimulcastRid {
  std::string id;
  bool is_paused = false;  // written with a leading ~
  friend bool operator==(const SimulcastRid&, const SimulcastRid&) = default;
};

/// `a=simulcast:send q;h,~h2;f` (RFC 8853): for each direction streams, for each stream its
/// alternatives.
struct Simulcast {
  std::vector<std::vector<SimulcastRid>> send;
  std::vector<std::vector<SimulcastRid>> recv;
  [[nodiscard]] bool empty() const { return send.empty() && recv.empty(); }
  friend bool operator==(const Simulcast&, const Simulcast&) = default;
};

/// `a=ssrc:1 cname:x` (RFC 5576); `value` is empty for an attribute without one.
struct SsrcAttribute {
  Ssrc ssrc;
  std::string attribute;
  std::string value;
  friend bool operator==(const SsrcAttribute&, const SsrcAttribute&) = default;
};

/// `a=ssrc-group:FID 1 2`
struct SsrcGroup {
  std::string semantics;
  std::vector<Ssrc> ssrcs;
  friend bool operator==(const SsrcGroup&, const SsrcGroup&) = default;
};

/// `a=msid:stream track` (RFC 8830); `track` may be empty.
struct Msid {
  std::string stream;
  std::string track;
  friend bool operator==(const Msid&, const Msid&) = default;
};

/// `a=candidate:…` (RFC 8839 section 5.1). The address may be a name (mDNS), so it stays text.
struct Candidate {
  std::string foundation;
  std::uint16_t component = 1;
  std::string transport = "udp";
  std::uint32_t priority = 0;
  std::string address;
  std::uint16_t port = 0;
  std::string type = "host";
  /// What follows the type, unread: raddr, rport, tcptype, generation, ufrag …
  std::string rest;
  friend bool operator==(const Candidate&, const Candidate&) = default;
};

/// Attributes of the transport, which may stand at session or media level.
struct TransportAttributes {
  std::string ice_ufrag;
  std::string ice_pwd;
  std::vector<std::string> ice_options;
  /// Value of each a=fingerprint, e.g. `sha-256 AB:CD:…`.
  std::vector<std::string> fingerprints;
  std::optional<Setup> setup;
  friend bool operator==(const TransportAttributes&, const TransportAttributes&) = default;
};

struct MediaSection {
  Kind kind = Kind::kAudio;
  /// The media name of the m= line when kind is kOther.
  std::string other_kind;
  std::uint16_t port = 9;
  std::string protocol;
  /// As on the m= line: payload types in order of preference, or `webrtc-datachannel`.
  std::vector<std::string> formats;
  std::string mid;
  Direction direction = Direction::kSendRecv;
  TransportAttributes transport;
  std::vector<RtpMap> rtpmaps;
  std::vector<FormatParameters> format_parameters;
  std::vector<RtcpFeedback> feedback;
  std::vector<ExtensionMapping> extensions;
  std::vector<Rid> rids;
  Simulcast simulcast;
  std::vector<SsrcAttribute> ssrcs;
  std::vector<SsrcGroup> ssrc_groups;
  std::vector<Msid> msids;
  std::vector<Candidate> candidates;
  bool end_of_candidates = false;
  bool bundle_only = false;
  bool rtcp_mux = false;
  bool rtcp_rsize = false;
  bool extmap_allow_mixed = false;
  std::optional<std::uint16_t> sctp_port;
  std::optional<std::uint64_t> max_message_size;

  /// Port 0 without a=bundle-only (RFC 8843 section 6): stopped, or refused.
  [[nodiscard]] bool is_rejected() const { return port == 0 && !bundle_only; }
  /// The numeric formats, in order; empty for an application section.
  [[nodiscard]] std::vector<PayloadType> payload_types() const;
  friend bool operator==(const MediaSection&, const MediaSection&) = default;
};

struct Session {
  std::uint64_t id = 0;
  std::uint64_t version = 0;
  /// Mids of each a=group:BUNDLE.
  std::vector<std::vector<std::string>> bundles;
  TransportAttributes transport;
  bool ice_lite = false;
  bool extmap_allow_mixed = false;
  /// Value of a=msid-semantic, e.g. `WMS *`; empty when absent.
  std::string msid_semantic;
  std::vector<MediaSection> media;

  /// The description with CRLF line ends. Control characters inside values are left out, so that
  /// no value, whoever chose it, can begin a line of its own.
  [[nodiscard]] std::string to_string() const;
  friend bool operator==(const Session&, const Session&) = default;
};

/// Reads a whole description; lines end with CRLF or LF. Errors: see SdpError.
[[nodiscard]] base::Expected<Session, SdpError> parse(std::string_view text);

}  // namespace meridian::sdp
