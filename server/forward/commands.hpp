#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.hpp"
#include "base/rtp_types.hpp"
#include "base/time.hpp"
#include "dtls/fingerprint.hpp"
#include "ice/credentials.hpp"
#include "metrics/transit.hpp"
#include "residency/generation.hpp"
#include "residency/permit.hpp"
#include "rtp/extensions.hpp"
#include "rtp/media.hpp"
#include "transport/state.hpp"

/// The language between meetings (control thread) and shards (workers). Commands are values, sent
/// in order through a mailbox; the worker answers with events. Neither side sees the other's
/// memory.
namespace meridian::forward {

// ---- Commands: control thread -> worker -----------------------------------------------------

/// Makes a transport. It listens for authenticated Binding requests on the worker's sockets under
/// `local.ufrag` and is the passive side of DTLS.
struct OpenTransport {
  TransportId transport;
  RoomNumber room;
  residency::Permit<residency::ClientLeg> permit;
  ice::Credentials local;
  ice::Credentials remote;
  dtls::Fingerprint remote_fingerprint;
  /// Whose it is: the participant's first transport. What comes over a TURN allocation reaches only
  /// transports of the participant that the allocation belongs to.
  TransportId participant = {};
};

/// ICE restart: new credentials on both sides; DTLS, SRTP and SCTP stay.
struct RestartIce {
  TransportId transport;
  ice::Credentials local;
  ice::Credentials remote;
};

struct CloseTransport {
  TransportId transport;
};

/// A media section on which the client sends.
struct ReceiveSection {
  rtp::Token mid;
  rtp::MediaKind kind = rtp::MediaKind::kAudio;
  /// Which publication its packets belong to; PublicationId{} = none yet, packets are dropped.
  PublicationId publication;
  std::vector<rtp::CodecBinding> codecs;
  /// Simulcast rids, lowest layer first; empty without simulcast.
  std::vector<rtp::Token> rids;
  /// From a=ssrc, in the order of the SDP; empty when the client signals none.
  std::vector<rtp::SignalledSource> sources;
};

/// Replaces all that was negotiated for receiving on this transport. Learned SSRCs of sections that
/// stay are kept.
struct ConfigureReceive {
  TransportId transport;
  rtp::ExtensionMap extensions;
  std::vector<ReceiveSection> sections;
};

/// A track of a participant on this worker's own transport.
struct Publish {
  PublicationId publication;
  TransportId transport;
  RoomNumber room;
  rtp::MediaKind kind = rtp::MediaKind::kAudio;
  bool is_screen_share = false;
  bool is_encrypted = false;  // end-to-end: payload is opaque
  /// Of sound: how many of the room's are forwarded at once, the loudest; 0: all.
  std::uint8_t loudest = 0;
};

/// Ends a local or relayed publication and every subscription to it on this worker.
struct Unpublish {
  PublicationId publication;
};

/// While muted no key frames are requested and silence is not a fault.
struct MutePublication {
  PublicationId publication;
  bool is_muted = false;
};

/// What a subscriber wants of a video track. Audio ignores the layers.
struct LayerTarget {
  bool is_enabled = true;
  /// Highest simulcast or spatial layer, 0 = lowest.
  std::uint8_t max_spatial = 2;
  std::uint8_t max_temporal = 7;
  /// Among the tracks of the subscriber when not all fit: higher first.
  std::uint32_t priority = 0;
  friend bool operator==(const LayerTarget&, const LayerTarget&) = default;
};

/// Forwards a publication of this worker (local or relayed) to one of its transports.
struct Subscribe {
  SubscriptionId subscription;
  PublicationId publication;
  TransportId transport;
  rtp::Token mid;
  Ssrc ssrc;
  Ssrc rtx_ssrc;
  /// Payload types under which the subscriber takes each codec that the source may use.
  std::vector<rtp::CodecBinding> codecs;
  rtp::ExtensionMap extensions;
  LayerTarget target;
  /// What each packet tells the subscriber, where `extensions` has kPlayoutDelay.
  std::optional<rtp::PlayoutDelay> playout_delay = {};
};

struct Unsubscribe {
  SubscriptionId subscription;
};

struct SetSubscription {
  SubscriptionId subscription;
  LayerTarget target;
};

/// From now on the way to this client is taken to carry no more than that; nothing: as much as it
/// does. For developers who want to see how their application looks then.
struct LimitDownlink {
  TransportId transport;
  std::optional<Bitrate> limit;
};

/// This worker owns the publication and copies each layer that `to` asks for into the ring to it.
/// `to` may be this worker itself, for another room's sake.
struct OpenRelaySource {
  PublicationId publication;
  WorkerIndex to;
  residency::Permit<residency::RelayLeg> permit;
  /// What the publication is called at the other end, and whose relay this is: for a track that is
  /// forwarded to another room, that room and a publication of its own there.
  PublicationId sink = publication;
  RoomNumber room = {};
};

/// The receiving end: the publication exists on this worker, fed from the ring of `from`.
struct OpenRelaySink {
  PublicationId publication;
  RoomNumber room;
  rtp::MediaKind kind = rtp::MediaKind::kAudio;
  bool is_screen_share = false;
  bool is_encrypted = false;
  std::uint8_t loudest = 0;
  WorkerIndex from;
  residency::Permit<residency::RelayLeg> permit;
  /// What `from` calls it.
  PublicationId source = publication;
};

struct CloseRelaySource {
  PublicationId publication;
  WorkerIndex to;
  PublicationId sink = publication;
};

/// An SCTP packet for the peer, to be sent inside DTLS. From the SCTP service thread.
struct SendSctpPacket {
  TransportId transport;
  std::vector<std::uint8_t> packet;
};

/// All policies as they now are. The worker re-admits each of its permits under it and closes what
/// is denied. To be given before any permit of a newer epoch, and after each
/// PolicyGeneration::advance(): until it comes, the worker sends and decrypts nothing.
struct ApplyPolicy {
  residency::SharedPolicySnapshot snapshot;
};

/// The meeting has come under these levels of its account's policy: permits that were made before
/// must hold under them, too. What they deny is closed as by ApplyPolicy.
struct NarrowRoom {
  RoomNumber room;
  residency::LevelNames levels;
};

using Command = std::variant<ApplyPolicy, NarrowRoom, OpenTransport, RestartIce, CloseTransport,
                             ConfigureReceive, Publish, Unpublish, MutePublication, Subscribe,
                             Unsubscribe, SetSubscription, LimitDownlink, OpenRelaySource,
                             OpenRelaySink, CloseRelaySource, SendSctpPacket>;

// ---- Events: worker -> control thread (SctpPacketReceived -> SCTP service) --------------------

using TransportState = transport::TransportState;
using TransportFailure = transport::TransportFailure;

struct TransportStateChanged {
  TransportId transport;
  TransportState state = TransportState::kFailed;
  TransportFailure reason = TransportFailure::kNone;
};

/// The first packet of a layer came: the codec in use and the layer's place are now known.
struct LayerStarted {
  PublicationId publication;
  rtp::Codec codec = rtp::Codec::kUnknown;
  std::uint8_t layer = 0;  // index into ReceiveSection::rids, 0 without simulcast
  Ssrc ssrc;
};

struct SpeakerLevel {
  PublicationId publication;
  /// 0 (silent) to 1 (loudest), linear, smoothed over the interval.
  float level = 0;
  bool is_active = false;
};

/// Active speakers of a room on this worker; sent each interval in which something changed, local
/// publications only.
struct SpeakersChanged {
  RoomNumber room;
  std::vector<SpeakerLevel> speakers;
};

/// Every few seconds for each transport, for the connection quality that clients show.
struct TransportQuality {
  TransportId transport;
  float uplink_loss = 0;    // fraction 0..1 of the client's packets that did not arrive
  float downlink_loss = 0;  // fraction 0..1 that the client reports lost
  Duration round_trip{};    // zero when unknown
};

/// Highest layer that any subscriber of the publication (local or over relays) wants, for dynacast.
struct LayersWanted {
  PublicationId publication;
  std::uint8_t max_spatial = 0;
  bool is_wanted = false;  // false: nobody watches at all
};

/// What a subscriber's way carries has no room for a track any more, or has room for it again.
struct StreamPaused {
  TransportId transport;
  PublicationId publication;
  bool is_paused = false;
};

/// Where an estimate of what a way carries comes from, as bwe::Limit.
enum class EstimateReason : std::uint8_t {
  kStart,
  kDelay,
  kLoss,
  kProbe,
  kClaim,
  kReports,
  kSilence
};

/// What one video of a subscriber gets, and why.
struct VideoShare {
  enum class State : std::uint8_t { kHidden, kMuted, kPaused, kLimited, kWhole };
  PublicationId publication;
  State state = State::kWhole;
  /// The rung that it was given; with State::kPaused none.
  std::uint8_t spatial = 0;
  std::uint8_t temporal = 0;
  /// What is sent, in the last second.
  Bitrate rate;
  /// The layer whose key frame is waited for.
  std::optional<std::uint8_t> awaited;
  [[nodiscard]] bool is_paused() const { return state == State::kPaused; }
};

/// How what a subscriber's way carries was divided; each second. For people who ask why.
struct DownlinkReport {
  TransportId transport;
  /// Nothing: not known, so that nothing is limited.
  std::optional<Bitrate> estimate;
  EstimateReason reason = EstimateReason::kStart;
  Bitrate sent;
  Bitrate reserved;
  Bitrate video;
  Bitrate wished;
  float loss = 0;  // 0 to 1, smoothed
  Duration round_trip{};
  std::vector<VideoShare> videos;
};

/// SCTP bytes that came inside DTLS.
struct SctpPacketReceived {
  TransportId transport;
  std::vector<std::uint8_t> packet;
};

/// What passed since the last one for a client's transport; every few seconds while something does,
/// and once more, after the last datagram, when the transport is gone. For transit reports.
struct TransportTransit {
  TransportId transport;
  RoomNumber room;
  /// Of the permit: where the bytes were.
  RegionId region;
  metrics::TransitCounts counts;
  bool is_final = false;
};

/// The same for one end of a relay; each end counts for itself. The source counts what it put into
/// the ring (out), the sink what it took out of it (in). Both tell the sink's publication and room.
struct RelayTransit {
  PublicationId publication;
  RoomNumber room;
  RegionId region;
  WorkerIndex peer;
  metrics::TransitCounts counts;
  bool is_final = false;
  bool is_source = false;
};

/// The worker has re-admitted its permits under the policy of that generation, and nothing that is
/// denied under it will leave its sockets any more: what was queued before has left or was dropped.
struct PolicyApplied {
  std::uint64_t generation = 0;
};

/// What a worker sheds when it has too much to do, in this order and each with what comes before
/// it; never sound.
enum class LoadLevel : std::uint8_t {
  kNormal,
  kBusy,      // it is given no new rooms
  kStrained,  // small videos come in their lowest layer
  kFull,      // it is given no new participants
};

/// How busy the worker is, when that changes.
struct WorkerLoad {
  LoadLevel level = LoadLevel::kNormal;
  /// Part of the time, 0 to 1, that its thread computes.
  float share = 0;
  /// How long a turn of its loop takes, as somebody finds it who arrives at any time.
  Duration turn{};
};

/// Datagrams that still came from the peer of a transport whose permit was revoked. They were
/// dropped unread. Sent now and then while they come.
struct StillSending {
  TransportId transport;
  std::uint64_t datagrams = 0;
  std::uint64_t bytes = 0;
};

using Event = std::variant<TransportStateChanged, LayerStarted, SpeakersChanged, TransportQuality,
                           LayersWanted, StreamPaused, DownlinkReport, SctpPacketReceived,
                           TransportTransit, RelayTransit, PolicyApplied, StillSending, WorkerLoad>;

}  // namespace meridian::forward
