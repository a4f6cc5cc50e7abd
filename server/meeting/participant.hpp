#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "forward/commands.hpp"
#include "meeting/ids.hpp"
#include "meeting/negotiator.hpp"
#include "meeting/offer_pace.hpp"
#include "meeting/quality.hpp"
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

  [[nodiscard]] bool is_published() const { return section.has_value(); }
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

/// Makes a token for a running session from what the participant now is.
using TokenMaker = std::function<std::string(const livekit::ParticipantInfo&, UnixTime)>;

struct Participant {
  Participant(std::vector<rtp::Codec> codecs, RandomSource& random)
      : negotiator(std::move(codecs), random) {}

  [[nodiscard]] ParticipantSid sid() const { return ParticipantSid(info.sid()); }
  [[nodiscard]] bool is_hidden() const { return info.permission().hidden(); }
  [[nodiscard]] bool has_signal() const { return session != SignalSessionId{}; }
  [[nodiscard]] Publication* find_track(const TrackSid& track);
  [[nodiscard]] Publication* find_track(PublicationId id);
  /// The full state as others see it.
  [[nodiscard]] livekit::ParticipantInfo full_info() const;
  /// Marks a change: clients drop versions older than they have.
  void touch() { info.set_version(info.version() + 1); }

  /// All but the tracks.
  livekit::ParticipantInfo info;
  livekit::ClientInfo client;
  livekit::ConnectionSettings settings;
  TokenMaker make_token;
  SignalSessionId session;

  /// The guest's own account; empty for the host's people.
  AccountId home_account;

  // Where its media is.
  RegionId region;
  WorkerIndex worker;
  TransportId transport;
  /// Held until the transport is opened.
  std::optional<residency::Permit<residency::ClientLeg>> permit;
  bool is_transport_open = false;
  bool is_media_up = false;
  bool has_data_section = false;
  bool is_data_open = false;

  Negotiator negotiator;
  OfferPace pace;
  /// In the order in which they were announced.
  std::vector<std::unique_ptr<Publication>> publications;
  /// add_track requests whose cid a published track still uses.
  std::vector<livekit::AddTrackRequest> queued_tracks;
  /// Sections that send, whose add_track has not come yet.
  std::vector<PublishedSection> unclaimed;
  /// Who may subscribe; nothing = everybody.
  std::optional<livekit::SubscriptionPermission> access;

  std::map<PublicationId, Subscription> subscriptions;
  std::unordered_map<TrackSid, bool> wishes;
  std::unordered_map<TrackSid, livekit::UpdateTrackSettings> track_settings;

  std::optional<sctp::ChannelId> reliable_channel;
  std::optional<sctp::ChannelId> lossy_channel;
  /// Of the last reliable packet that it sent; 0 = none.
  std::uint32_t last_data_sequence = 0;

  QualityMeter quality;

  /// Under which policy it was asked to come back elsewhere.
  PolicyEpoch asked_to_move;

  Instant joined;
  Instant signal_lost = Instant::never();
  Instant media_lost = Instant::never();
  Instant token_due = Instant::never();
  /// Test hooks: how the next resume is to go wrong.
  enum class ResumeFault : std::uint8_t { kNone, kCloseAfterMessages, kCloseBeforeMessages };
  ResumeFault resume_fault = ResumeFault::kNone;
};

}  // namespace meridian::meeting
