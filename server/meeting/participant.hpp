#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "forward/commands.hpp"
#include "meeting/explanation.hpp"
#include "meeting/ids.hpp"
#include "meeting/negotiator.hpp"
#include "meeting/offer_pace.hpp"
#include "meeting/quality.hpp"
#include "meeting/subscriber_negotiator.hpp"
#include "residency/permit.hpp"
#include "sctp/messages.hpp"
#include "wire/livekit_session.pb.h"

namespace meridian::meeting {

/// A track that a participant announced, and once it is negotiated: publishes.
struct Publication {
  TrackSid sid;
  PublicationId id;
  std::string cid;
  livekit::TrackInfo info;
  rtp::MediaKind kind = rtp::MediaKind::kAudio;
  /// The media section it arrives on; nothing while it is pending.
  std::optional<PublishedSection> section;
  /// Codecs that the source uses, as far as known.
  std::vector<rtp::Codec> codecs;
  /// The publisher was told that it has a subscriber.
  bool subscriber_told = false;
  /// Subscriptions that are bound, by the worker of the subscriber. Other workers than the
  /// publisher's are fed over a relay.
  std::map<WorkerIndex, std::size_t> bound;
  Dynacast dynacast;

  /// This is not a track of its own but that one in another codec, for those who can't play it. It
  /// has the same sid, and others hear only of the other.
  std::optional<PublicationId> backup_of;
  /// What it is in the room that it is forwarded from.
  std::optional<PublicationId> source;
  /// Who can't play this track's codec; the publisher is asked for the backup while there are any.
  std::set<ParticipantSid> cannot_play;

  [[nodiscard]] bool is_backup() const { return backup_of.has_value(); }
  [[nodiscard]] bool is_published() const { return section.has_value(); }
};

/// A track of data frames, and who gets it.
struct DataTrack {
  struct Subscriber {
    /// What the track's packets are numbered with towards it.
    std::uint16_t handle = 0;
    /// Least time between two frames; zero for all frames.
    Duration interval{};
    Instant next_frame{};
    bool takes_frame = false;
  };
  livekit::DataTrackInfo info;
  std::map<ParticipantSid, Subscriber> subscribers;
};

/// One participant's wish to get one track, once it is being carried out.
struct Subscription {
  SubscriptionId id;
  enum class State : std::uint8_t {
    kWaiting,      // for a media section
    kBound,        // the worker forwards
    kUnsupported,  // no codec in common; stays so
    kDenied,       // no permit for the relay; tried again when there may be one
  } state = State::kWaiting;
  forward::LayerTarget target;
};

/// How a client connects its media: over one connection for both directions, on which it offers
/// (`/rtc/v1`), or over one for each direction (`/rtc`), of which this side offers the second.
enum class ConnectionMode : std::uint8_t { kSingle, kDual };

/// What a participant's token granted, as far as meetings need it.
struct Grant {
  Identity identity;
  std::string name;
  std::string metadata;
  std::map<std::string, std::string> attributes;
  livekit::ParticipantInfo::Kind kind = livekit::ParticipantInfo::STANDARD;
  std::vector<livekit::ParticipantInfo::KindDetail> kind_details;
  livekit::ParticipantPermission permission;
};

/// Makes a token for a session in that room from what the participant now is.
using TokenMaker =
    std::function<std::string(const livekit::ParticipantInfo&, std::string_view room, UnixTime)>;

/// One peer connection of a participant.
struct Connection {
  TransportId transport;
  /// Held until the transport is opened.
  std::optional<residency::Permit<residency::ClientLeg>> permit;
  bool is_open = false;
  bool was_connected = false;
  bool is_media_up = false;
  bool has_data_section = false;
  bool is_data_open = false;
  std::optional<sctp::ChannelId> reliable_channel;
  std::optional<sctp::ChannelId> lossy_channel;
  std::optional<sctp::ChannelId> data_track_channel;
  Instant media_lost = Instant::never();
  /// The last report about it.
  forward::TransportQuality quality;
};

/// The second connection of dual-connection mode, on which this side offers.
struct Subscriber {
  Subscriber(SubscriberTerms terms, RandomSource& random) : negotiator(terms, random) {}
  Connection connection;
  SubscriberNegotiator negotiator;
  /// The client counts as connected when this connection is, and gets its data over it.
  bool is_primary = false;
};

struct Participant {
  Participant(std::vector<rtp::Codec> codecs, RandomSource& random,
              PlayoutDelayUse playout_delay = PlayoutDelayUse::kNone)
      : negotiator(std::move(codecs), random, playout_delay) {}

  [[nodiscard]] ParticipantSid sid() const { return ParticipantSid(info.sid()); }
  [[nodiscard]] bool is_hidden() const { return info.permission().hidden(); }
  [[nodiscard]] bool is_forwarded() const { return forwarded.has_value(); }
  [[nodiscard]] bool has_signal() const { return session != SignalSessionId{}; }
  [[nodiscard]] Publication* find_track(const TrackSid& track);
  [[nodiscard]] Publication* find_track(PublicationId id);
  /// The same track in its second codec; null when it isn't sent, or not yet.
  [[nodiscard]] const Publication* find_backup(const Publication& track) const;
  /// The full state as others see it.
  [[nodiscard]] livekit::ParticipantInfo full_info() const;
  [[nodiscard]] ConnectionMode mode() const {
    return subscriber == nullptr ? ConnectionMode::kSingle : ConnectionMode::kDual;
  }
  /// What its client must connect to be active.
  [[nodiscard]] Connection& primary() { return is_subscriber_primary() ? downlink() : uplink; }
  [[nodiscard]] bool is_subscriber_primary() const {
    return subscriber != nullptr && subscriber->is_primary;
  }
  /// Where tracks are sent to it.
  [[nodiscard]] Connection& downlink() { return subscriber ? subscriber->connection : uplink; }
  [[nodiscard]] Connection* find_connection(TransportId transport);
  /// One or two.
  [[nodiscard]] std::vector<Connection*> connections();
  /// Its media is connected, as far as its client needs it.
  [[nodiscard]] bool is_media_up() const;
  /// Since when the connection that was lost first is gone; never = all that were up are.
  [[nodiscard]] Instant media_lost() const;

  // The tracks that are sent to it, in whichever way they are negotiated.
  AddSender add_sender(SenderSpec spec);
  void remove_sender(SubscriptionId subscription);
  /// Something waits that only another exchange can carry.
  [[nodiscard]] bool needs_negotiation() const;
  /// Another exchange can be asked for. In single-connection mode the client's first offer has to
  /// come by itself, and takes along all that is there.
  [[nodiscard]] bool has_negotiated() const;

  /// Marks a change: clients drop versions older than they have.
  void touch() { info.set_version(info.version() + 1); }

  /// All but the tracks.
  livekit::ParticipantInfo info;
  livekit::ClientInfo client;
  livekit::ConnectionSettings settings;
  TokenMaker make_token;
  SignalSessionId session;
  /// It can be told things. Not so WHIP and WHEP clients, who are only answered: what they have
  /// negotiated holds for as long as they are here.
  bool is_told = true;

  /// The guest's own account; empty for the host's people.
  AccountId home_account;

  /// Of a copy of somebody in another room of the account, who has no client here.
  struct Forwarded {
    /// Under which levels of the account's policy that room runs: its media is under them, too.
    residency::LevelNames levels;
    /// The version of the source that the copy is.
    std::optional<std::uint32_t> followed = std::nullopt;
  };
  std::optional<Forwarded> forwarded;

  // Where its media is.
  RegionId region;
  WorkerIndex worker;
  /// What its client publishes comes over it; its only one in single-connection mode.
  Connection uplink;
  Negotiator negotiator;
  /// Null in single-connection mode.
  std::unique_ptr<Subscriber> subscriber;
  OfferPace pace;
  /// In the order in which they were announced.
  std::vector<std::unique_ptr<Publication>> publications;
  /// add_track requests whose cid a published track still uses.
  std::vector<livekit::AddTrackRequest> queued_tracks;
  /// Sections that send, whose add_track has not come yet.
  std::vector<PublishedSection> unclaimed;
  /// Who may subscribe; nothing = everybody.
  std::optional<livekit::SubscriptionPermission> access;

  std::vector<DataTrack> data_tracks;
  /// The numbers under which it gets data tracks, by their sid.
  std::map<std::string, std::uint16_t> data_handles;
  std::uint16_t last_data_handle = 0;

  std::map<PublicationId, Subscription> subscriptions;
  std::unordered_map<TrackSid, bool> wishes;
  std::unordered_map<TrackSid, livekit::UpdateTrackSettings> track_settings;

  /// Of the last reliable packet that it sent; 0 = none.
  std::uint32_t last_data_sequence = 0;

  QualityMeter quality;
  DownlinkLog downlink_log;

  /// Under which policy it was asked to come back elsewhere.
  PolicyEpoch asked_to_move;

  /// The offer of its join, when its answer must wait.
  struct HeldOffer {
    livekit::SessionDescription offer;
    Instant due;
  };
  std::optional<HeldOffer> held_offer;

  Instant joined;
  Instant signal_lost = Instant::never();
  Instant token_due = Instant::never();
  /// Test hooks: how the next resume is to go wrong.
  enum class ResumeFault : std::uint8_t { kNone, kCloseAfterMessages, kCloseBeforeMessages };
  ResumeFault resume_fault = ResumeFault::kNone;
};

}  // namespace meridian::meeting
