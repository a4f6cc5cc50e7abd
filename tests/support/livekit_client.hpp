#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/random.hpp"
#include "base/time.hpp"
#include "support/livekit_offer.hpp"
#include "support/media_session.hpp"

namespace livekit {
class AddTrackRequest;
class JoinResponse;
class ParticipantInfo;
class SessionDescription;
class SignalRequest;
class SignalResponse;
class SubscribedQualityUpdate;
class TrickleRequest;
}  // namespace livekit

namespace meridian::test {

/// v1: `/rtc/v1`, a join request and one connection. v0: `/rtc`, and two: on one the client offers
/// what it sends, on the other the server offers what it sends.
enum class Signalling : std::uint8_t { kV0, kV1 };

struct LivekitSettings {
  std::string identity;
  std::string room;
  std::string api_key;
  std::string api_secret;
  /// The token's `meridian` claim, a JSON object; empty: none.
  std::string routing_claim = {};
  bool auto_subscribe = true;
  /// Says that it will tell how large it shows each track.
  bool adaptive_stream = false;
  Signalling signalling = Signalling::kV1;
  /// recvonly sections of the first offer, for each kind.
  unsigned receiving_sections = 3;
  Duration check_interval = 2500ms;
  SoundRepair sound = {};
  std::string srtp_profiles = PeerDtls::Settings{}.srtp_profiles;
};

/// A LiveKit participant (protocol 17): signalling, one peer connection or two, synthetic tracks
/// out, checked tracks in. No I/O and no clock: the owner carries signal frames over one WebSocket
/// to join_target(), and datagrams of each connection, from an address of its own, to
/// server_address().
///
///   after each handle_…() and each call that takes `now`: poll_signal() and poll_datagram() until
///   they are empty; call handle_timeout() when next_timeout() is reached.
class LivekitClient {
 public:
  static constexpr Duration kPingInterval = 5s;
  /// The connection on which the client offers, for which all calls stand that don't name one; and
  /// that on which the server does, in v0.
  enum class Link : std::uint8_t { kFirst, kSubscriber };

  LivekitClient(LivekitSettings settings, std::uint64_t seed);
  ~LivekitClient();
  LivekitClient(const LivekitClient&) = delete;
  LivekitClient& operator=(const LivekitClient&) = delete;

  // ---- Signalling

  /// Path and query of the WebSocket upgrade, with token and join request. Once.
  [[nodiscard]] std::string join_target(UnixTime now);
  /// One binary message of the server.
  void handle_signal(Bytes frame, Instant now);
  [[nodiscard]] std::optional<std::vector<std::uint8_t>> poll_signal();

  // ---- Media

  /// Tells the server where datagrams come from, as soon as it may be told; without that it sees
  /// it in the first of them. Before join_target().
  void set_local_address(const SocketAddress& address, Link link = Link::kFirst) {
    local_[index(link)] = address;
  }
  /// Nothing before the first description of the server's.
  [[nodiscard]] const std::optional<SocketAddress>& server_address(Link link = Link::kFirst) const {
    return of(link).server_address();
  }
  void handle_datagram(Bytes datagram, Instant now, Link link = Link::kFirst) {
    of(link).handle_datagram(datagram, now);
  }
  /// A datagram that the network lost: tells the observer what was in it, and nothing else.
  void handle_lost_datagram(Bytes datagram) { media_.handle_lost_datagram(datagram); }
  [[nodiscard]] std::optional<ClientDatagram> poll_datagram(Link link = Link::kFirst) {
    return of(link).poll_datagram();
  }
  [[nodiscard]] Instant next_timeout() const;
  void handle_timeout(Instant now);
  void set_observer(MediaObserver* observer);
  /// SCTP inside DTLS, for owners that speak it: false before media is connected.
  bool send_sctp(Bytes packet, Link link = Link::kFirst) { return of(link).send_sctp(packet); }
  [[nodiscard]] std::optional<std::vector<std::uint8_t>> poll_sctp(Link link = Link::kFirst) {
    return of(link).poll_sctp();
  }

  // ---- What a person does

  /// `source` must be unique among everything that is measured together; it is the track's name,
  /// too. Sending begins when the server has taken the track and media is connected.
  void publish(std::uint32_t source, TrackShape shape);
  void unpublish(std::uint32_t source);
  enum class Muted : std::uint8_t { kNo, kYes };
  void set_muted(std::uint32_t source, Muted muted, Instant now);
  enum class Wanted : std::uint8_t { kNo, kYes };
  void set_subscribed(std::string_view track_sid, Wanted wanted);
  /// The highest simulcast layer wanted of a track: 0 to 2.
  void set_max_layer(std::string_view track_sid, int layer);
  /// How large it is shown, in pixels.
  void set_size(std::string_view track_sid, std::uint32_t width, std::uint32_t height);
  /// Leaves the meeting properly.
  void leave();
  void restart_ice();

  // ---- What there is to see

  struct RemoteTrack {
    std::string participant_sid;
    std::string sid;
    std::uint32_t source = 0;
    rtp::MediaKind kind = rtp::MediaKind::kAudio;
    bool is_muted = false;
  };
  struct Leave {
    int action = 0;  // livekit::LeaveRequest::Action
    int reason = 0;  // livekit::DisconnectReason
  };
  [[nodiscard]] const std::string& local_ufrag() const { return media_.credentials().ufrag; }
  [[nodiscard]] bool is_joined() const { return !sid_.empty(); }
  /// Every connection is that has begun, and of v0's the one that all clients have.
  [[nodiscard]] bool is_connected() const;
  [[nodiscard]] bool has_link(Link link) const { return link == Link::kFirst || downlink_; }
  [[nodiscard]] bool is_failed() const { return media_.peer().is_failed(); }
  /// The server's last word.
  [[nodiscard]] const std::optional<Leave>& leave_received() const { return leave_; }
  [[nodiscard]] const std::string& sid() const { return sid_; }
  [[nodiscard]] const std::string& region() const { return region_; }
  [[nodiscard]] const std::string& identity() const { return settings_.identity; }
  /// Everything that others publish, by sid.
  [[nodiscard]] const std::map<std::string, RemoteTrack>& remote_tracks() const {
    return remote_tracks_;
  }
  /// Tracks that are being received, and those that were, in the order of their beginning.
  [[nodiscard]] const std::vector<std::unique_ptr<ReceivedTrack>>& received() const {
    return receiver().received();
  }
  [[nodiscard]] const ReceivedTrack* receiving(std::string_view track_sid) const {
    return receiver().receiving(track_sid);
  }
  using SentTrack = MediaSession::SentTrack;
  [[nodiscard]] const std::map<std::uint32_t, SentTrack>& sent() const { return media_.sent(); }
  [[nodiscard]] const MediaSession& media(Link link = Link::kFirst) const { return of(link); }
  [[nodiscard]] const MediaSession& receiver() const { return downlink_ ? *downlink_ : media_; }
  [[nodiscard]] const Peer* peer() const { return &media_.peer(); }
  [[nodiscard]] std::uint64_t unknown_packets() const { return media_.unknown_packets(); }
  [[nodiscard]] std::uint64_t corrupt_packets() const { return media_.corrupt_packets(); }
  /// Of all media packets that arrived, in plain and in their order, and of when they arrived.
  [[nodiscard]] std::uint64_t media_digest() const { return media_.media_digest(); }
  [[nodiscard]] std::uint64_t heads_digest() const { return media_.heads_digest(); }
  [[nodiscard]] std::uint64_t transport_feedbacks() const { return media_.transport_feedbacks(); }
  [[nodiscard]] std::uint64_t speaker_updates() const { return speaker_updates_; }
  /// Requests that the server refused, in its words.
  [[nodiscard]] const std::vector<std::string>& refusals() const { return refusals_; }

 private:
  static std::size_t index(Link link) { return static_cast<std::size_t>(link); }
  [[nodiscard]] MediaSession& of(Link link) {
    return link == Link::kFirst || !downlink_ ? media_ : *downlink_;
  }
  [[nodiscard]] const MediaSession& of(Link link) const {
    return link == Link::kFirst || !downlink_ ? media_ : *downlink_;
  }
  void send_request(const livekit::SignalRequest& request);
  void send_add_track(livekit::AddTrackRequest add);
  void send_local_address(Link link);
  void request_negotiation();
  void send_offer();
  void handle_join(const livekit::JoinResponse& join, Instant now);
  void handle_answer(const livekit::SessionDescription& description, Instant now);
  void handle_offer(const livekit::SessionDescription& description, Instant now);
  void handle_trickle(const livekit::TrickleRequest& trickle, Instant now);
  void apply(Link link, Answer description, Instant now);
  void handle_participant(const livekit::ParticipantInfo& info);
  void handle_quality(const livekit::SubscribedQualityUpdate& update);

  LivekitSettings settings_;
  SeededRandomSource random_;
  MediaSession media_;
  std::unique_ptr<MediaSession> downlink_;  // v0 only
  OfferBuilder offer_;
  /// Of what is published before the join, with whose offer they go.
  std::vector<livekit::AddTrackRequest> first_tracks_;

  std::deque<std::vector<std::uint8_t>> signals_;
  std::string sid_;
  std::string region_;
  std::optional<Leave> leave_;
  std::map<std::string, RemoteTrack> remote_tracks_;
  std::vector<std::string> refusals_;

  /// By link: the first description of a server that names its address apart from it, and that
  /// address.
  std::array<std::optional<Answer>, 2> waiting_;
  std::array<std::optional<SocketAddress>, 2> trickled_;
  std::array<std::optional<SocketAddress>, 2> local_;
  std::uint32_t last_offer_id_ = 0;
  bool is_offer_outstanding_ = false;
  bool needs_offer_ = false;
  Instant next_ping_ = Instant::never();
  std::uint64_t speaker_updates_ = 0;
};

}  // namespace meridian::test
