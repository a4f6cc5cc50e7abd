#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/address.hpp"
#include "base/expected.hpp"
#include "base/ids.hpp"
#include "base/random.hpp"
#include "base/rtp_types.hpp"
#include "dtls/fingerprint.hpp"
#include "forward/commands.hpp"
#include "ice/credentials.hpp"
#include "rtp/media.hpp"
#include "sdp/session.hpp"

namespace meridian::meeting {

inline constexpr std::size_t kMaxSenders = 1000;
/// SSRCs are never used twice on a transport, since its keys are not either.
inline constexpr std::size_t kMaxSsrcsPerTransport = 1U << 18U;
inline constexpr std::size_t kMaxSimulcastLayers = 3;
inline constexpr std::size_t kMaxSignalledSources = 8;
inline constexpr std::uint16_t kSctpPort = 5000;
inline constexpr std::uint64_t kMaxDataMessageSize = 262144;

enum class NegotiationError : std::uint8_t {
  kMalformed,   // not parseable, see sdp::SdpError
  kNoMedia,     // nothing left that could carry a transport
  kMissingMid,  // absent, longer than 16 characters, or not a token
  kDuplicateMid,
  kSectionsChanged,  // fewer sections than before, or another mid or kind in a live section
  kNotBundled,       // a live section outside the one BUNDLE group
  kNoRtcpMux,
  kNoCredentials,        // no ice-ufrag or ice-pwd, or not of RFC 8839 section 5.4 form
  kNoFingerprint,        // no usable sha-256 fingerprint
  kFingerprintMismatch,  // sections disagree
  kFingerprintChanged,   // against the previous offer: would need a new DTLS association
  kBadSetup,             // the client insists on being passive
  kExtensionConflict,    // one extension id for two URIs
  kExhausted,            // kMaxSsrcsPerTransport
};
[[nodiscard]] std::string_view to_string(NegotiationError error);

/// What this node is towards one client.
struct LocalDescription {
  /// Makes fresh ICE credentials; called once for the first offer and once for each ICE restart,
  /// only after the offer was found valid.
  std::function<ice::Credentials()> make_credentials;
  dtls::Fingerprint fingerprint;
  /// UDP host candidates, most preferred first. All of them are written into the answer.
  std::vector<SocketAddress> candidates;
  /// Passive TCP candidates (RFC 6544), which are for clients that have no UDP.
  std::vector<SocketAddress> tcp_candidates = {};
};

/// Whether packets of video to the client say how late it is to show them.
enum class PlayoutDelayUse : std::uint8_t { kNone, kSent };

/// A media section on which the client sends.
struct PublishedSection {
  rtp::Token mid;
  rtp::MediaKind kind = rtp::MediaKind::kAudio;
  /// Track part of a=msid, i.e. AddTrackRequest.cid in most browsers; may be empty.
  std::string track_id;
  std::string stream_id;
  /// Simulcast, lowest layer first; empty when there is one layer.
  std::vector<rtp::Token> rids;
  /// What the answer accepts, most preferred first.
  std::vector<rtp::CodecBinding> codecs;
};

/// How a published track is to be answered.
struct PublishPolicy {
  bool disable_red = true;
  bool stereo = false;
  bool disable_dtx = false;
  bool encrypted = false;  // end-to-end: implies no RED
  /// What add_track announced, which the answer lists first: livekit-client sends what comes first.
  rtp::Codec preferred = rtp::Codec::kUnknown;
};

struct PublishTerms {
  /// PublicationId{} while the track was not announced by add_track: its packets are dropped.
  PublicationId publication;
  PublishPolicy policy;
};

/// Asked for each section on which the client sends, in order of the description. `codecs` then
/// holds what is offered and enabled.
using PublishLookup = std::function<PublishTerms(const PublishedSection&)>;

/// A track that is to be sent to this client.
struct SenderSpec {
  SubscriptionId subscription;
  rtp::MediaKind kind = rtp::MediaKind::kAudio;
  /// `PA_…` of the publisher and `TR_…` of the track.
  std::string participant_sid;
  std::string track_sid;
  /// Second half of the stream id: empty for the track sid, or `camera`, `screen` … where tracks
  /// of one stream are to be played in sync.
  std::string stream;
  /// Codecs that the source uses, most likely first; empty when not known yet.
  std::vector<rtp::Codec> codecs;
  bool stereo = false;
};

/// A sender that got a section: the arguments of forward::Subscribe.
struct SendBinding {
  SubscriptionId subscription;
  rtp::Token mid;
  Ssrc ssrc;
  /// Ssrc{} when no codec of the section has RTX (audio).
  Ssrc rtx_ssrc;
  std::vector<rtp::CodecBinding> codecs;
  /// Extensions of this section that a packet sent on it may carry.
  rtp::ExtensionMap extensions;
};

struct DataSection {
  rtp::Token mid;
  std::uint16_t remote_sctp_port = kSctpPort;
  /// What the client accepts; 65536 when it does not say (RFC 8841 section 6.1).
  std::uint64_t remote_max_message_size = 65536;
};

enum class AddSender : std::uint8_t { kAdded, kDuplicate, kFull };

/// What an exchange did to the tracks that are sent to the client.
struct SenderChanges {
  /// Senders that got a section. One that is in `unbound` as well has a new section or new payload
  /// types, and new SSRCs: end it, then subscribe again.
  std::vector<SendBinding> bound;
  /// Senders that lost their section because the client stopped it, not through remove_sender().
  std::vector<SubscriptionId> unbound;
  /// Senders none of whose codecs the client can receive; they stay out until removed. Told once.
  std::vector<SubscriptionId> unsupported;
};

/// What an answer of this side came to.
struct Negotiated : SenderChanges {
  std::string answer;
  /// mid -> `TR_…` for every section on which this node now sends.
  std::map<std::string, std::string> mid_to_track_id;
  ice::Credentials local;
  ice::Credentials remote;
  dtls::Fingerprint remote_fingerprint;
  /// The client changed its credentials since the previous offer: `local` is new, too.
  bool is_ice_restart = false;
  /// All extensions of the transport; both directions share the ids.
  rtp::ExtensionMap extensions;
  /// Every section on which the client sends, for forward::ConfigureReceive.
  std::vector<forward::ReceiveSection> receive;
  /// Sections on which the client began to send, and mids on which it ceased to (unpublished). A
  /// section whose track was exchanged is in both.
  std::vector<PublishedSection> added;
  std::vector<rtp::Token> removed;
  std::optional<DataSection> data;
};

/// The offers and answers of a connection on which the client offers and this side answers
/// (RFC 8829, RFC 9429): the only one of single-connection mode, which carries tracks both ways, or
/// the publisher's of dual-connection mode. Lives on a control thread; reads no clock.
class Negotiator {
 public:
  /// `publish_codecs`: what clients may send, e.g. {kOpus, kRed, kVp8, kH264}. `random` gives the
  /// session id and the SSRCs, and outlives this.
  Negotiator(std::vector<rtp::Codec> publish_codecs, RandomSource& random,
             PlayoutDelayUse playout_delay = PlayoutDelayUse::kNone);

  /// Answers an offer. On an error nothing has changed, and the client is to be told to reconnect.
  [[nodiscard]] base::Expected<Negotiated, NegotiationError> handle_offer(
      std::string_view sdp, const LocalDescription& local, const PublishLookup& lookup);

  /// The receive sections of the last answer under new terms, e.g. once add_track named a track
  /// whose section was there first.
  [[nodiscard]] std::vector<forward::ReceiveSection> receive_sections(
      const PublishLookup& lookup) const;
  [[nodiscard]] const rtp::ExtensionMap& extensions() const { return extensions_; }

  /// The sender gets a section with the answer to the next offer.
  AddSender add_sender(SenderSpec spec);
  /// Frees its section with the next answer; unknown ids do nothing.
  void remove_sender(SubscriptionId subscription);

  struct RequiredSections {
    std::uint32_t num_audios = 0;
    std::uint32_t num_videos = 0;
    friend bool operator==(const RequiredSections&, const RequiredSections&) = default;
  };
  /// Receive sections that the client has to add so that every waiting sender finds one; for
  /// media_sections_requirement, which is sent even with zeros to get a new offer.
  [[nodiscard]] RequiredSections required_sections() const;
  /// Whether an offer is wanted: a sender waits, or one that was removed still has its section, or
  /// a stereo track was put into a first offer that says nothing of stereo.
  [[nodiscard]] bool needs_negotiation() const;

  [[nodiscard]] bool has_answered() const { return answers_ > 0; }

 private:
  /// What is remembered of a section between two offers.
  struct Section {
    rtp::Token mid;
    sdp::Kind kind = sdp::Kind::kAudio;
    bool is_rejected = false;
    bool can_send_to = false;  // the client receives here
    bool plays_stereo = false;
    /// Whether the last answer sent on it; a browser announces a new track only on a section that
    /// was silent in between, so it is not given away in the answer that frees it.
    bool was_sending = false;
    std::optional<SubscriptionId> sender;
    std::optional<forward::ReceiveSection> receive;
    PublishedSection published;
  };
  struct Sender {
    SenderSpec spec;
    std::optional<SendBinding> binding;
    bool is_unsupported = false;
  };
  class Answering;
  [[nodiscard]] bool plays_as_mono(const Sender& sender) const;

  std::vector<rtp::Codec> publish_codecs_;
  PlayoutDelayUse playout_delay_;
  RandomSource& random_;
  std::uint64_t session_id_;
  std::uint64_t answers_ = 0;
  ice::Credentials local_;
  ice::Credentials remote_;
  std::optional<dtls::Fingerprint> remote_fingerprint_;
  rtp::ExtensionMap extensions_;
  std::vector<Section> sections_;
  std::vector<Sender> senders_;  // in the order in which they were added
  std::unordered_set<std::uint32_t> used_ssrcs_;
};

}  // namespace meridian::meeting
