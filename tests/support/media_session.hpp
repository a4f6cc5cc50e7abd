#pragma once

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
#include "base/time.hpp"
#include "bwe/arrival_recorder.hpp"
#include "support/livekit_offer.hpp"
#include "support/peer.hpp"
#include "support/received_track.hpp"
#include "support/synthetic_track.hpp"

namespace meridian::test {

/// A datagram for the server, and the media in it when there is any.
struct ClientDatagram {
  struct Media {
    MediaStamp stamp;
    bool is_retransmission = false;
  };
  std::vector<std::uint8_t> bytes;
  std::optional<Media> media;
};

/// Hears of every media packet of a client, e.g. to keep accounts.
class MediaObserver {
 public:
  virtual ~MediaObserver() = default;
  /// kLost: what handle_lost_datagram() was given.
  enum class Fate : std::uint8_t { kArrived, kLost };
  virtual void on_media(const MediaStamp& stamp, bool is_retransmission, Fate fate) = 0;
};

struct MediaSettings {
  /// In reports.
  std::string cname;
  Duration check_interval = 2500ms;
  std::string srtp_profiles = PeerDtls::Settings{}.srtp_profiles;
  /// Sound that is missing is asked for, to come again in its own stream.
  bool asks_for_sound = false;
};

/// The media of one participant whatever the signalling: a peer connection, synthetic tracks out,
/// checked tracks in, reports, NACKs and transport feedback. What was negotiated comes in as a
/// description of the server's. No I/O and no clock, as in LivekitClient.
class MediaSession {
 public:
  /// How often it is looked whether feedback is due.
  static constexpr Duration kTick = 20ms;
  static constexpr Duration kReportInterval = 1s;
  /// Packets of sources that no description has named yet.
  static constexpr std::size_t kMaxEarlyPackets = 256;

  struct SentTrack {
    std::string cid;
    std::string mid;
    std::string sid;  // empty until the server names it
    bool is_muted = false;
    bool is_accepted = false;
    std::unique_ptr<SyntheticTrack> media;
  };

  MediaSession(MediaSettings settings, ice::Credentials credentials, std::uint64_t seed);

  // ---- What is negotiated

  [[nodiscard]] const ice::Credentials& credentials() const { return credentials_; }
  /// For the next description of the server's, when that has new ones, too.
  void set_credentials(ice::Credentials credentials) { credentials_ = std::move(credentials); }
  /// Tracks by source. Sending begins when a description accepts them and media is connected.
  [[nodiscard]] std::map<std::uint32_t, SentTrack>& sent() { return sent_; }
  [[nodiscard]] const std::map<std::uint32_t, SentTrack>& sent() const { return sent_; }
  /// The server's half, in its answer or its offer: the first connects, others change what is sent
  /// and received. False, and nothing happens, when it names no address to connect to.
  [[nodiscard]] bool apply(const Answer& description, Instant now);
  /// Starts what may be sent and doesn't run; after tracks changed.
  void start_accepted(Instant now);
  void close();

  // ---- Media

  /// Nothing before the first description.
  [[nodiscard]] const std::optional<SocketAddress>& server_address() const {
    return server_address_;
  }
  void handle_datagram(Bytes datagram, Instant now);
  /// A datagram that the network lost: tells the observer what was in it, and nothing else.
  void handle_lost_datagram(Bytes datagram);
  [[nodiscard]] std::optional<ClientDatagram> poll_datagram();
  [[nodiscard]] Instant next_timeout() const;
  void handle_timeout(Instant now);
  void set_observer(MediaObserver* observer) { observer_ = observer; }
  /// SCTP inside DTLS, for owners that speak it: false before media is connected.
  bool send_sctp(Bytes packet);
  [[nodiscard]] std::optional<std::vector<std::uint8_t>> poll_sctp() { return peer_.poll_sctp(); }

  // ---- What there is to see

  [[nodiscard]] const Peer& peer() const { return peer_; }
  [[nodiscard]] bool is_connected() const { return peer_.is_connected(); }
  [[nodiscard]] const std::vector<std::unique_ptr<ReceivedTrack>>& received() const {
    return received_;
  }
  [[nodiscard]] const ReceivedTrack* receiving(std::string_view track_sid) const;
  [[nodiscard]] std::uint64_t unknown_packets() const { return unknown_packets_; }
  [[nodiscard]] std::uint64_t corrupt_packets() const { return corrupt_packets_; }
  /// Of all media packets that arrived, in plain and in their order, and of when they arrived.
  [[nodiscard]] std::uint64_t media_digest() const { return media_digest_; }
  /// The same of their sizes, headers and payload descriptors: what is alike when only what a
  /// server has no need to read differs.
  [[nodiscard]] std::uint64_t heads_digest() const { return heads_digest_; }
  [[nodiscard]] std::uint64_t transport_feedbacks() const { return transport_feedbacks_; }

 private:
  using Packet = std::vector<std::uint8_t>;

  void apply_receiving(const Answer& description, Instant now);
  void apply_sending(const Answer& description);
  void drain_peer(Instant now);
  void take_rtp(const Packet& packet, Instant now);
  void digest_packet(const Packet& packet, Instant now);
  void handle_rtcp(Bytes packet, Instant now);
  void send_feedback(Instant now);
  void send_transport_feedback(Instant now);
  void send_reports(Instant now);
  [[nodiscard]] SyntheticTrack::Output sender();
  void move_datagrams();

  MediaSettings settings_;
  ice::Credentials credentials_;
  Peer peer_;
  MediaObserver* observer_ = nullptr;

  std::deque<ClientDatagram> datagrams_;
  std::optional<SocketAddress> server_address_;
  ice::Credentials server_credentials_;
  std::vector<std::unique_ptr<ReceivedTrack>> received_;
  std::map<Ssrc, ReceivedTrack*> by_ssrc_;
  std::deque<Packet> early_;
  std::map<std::uint32_t, SentTrack> sent_;

  bool speaks_sctp_ = false;
  std::uint16_t transport_sequence_ = 1;
  /// Under which the server sends transport-wide numbers; 0: it doesn't.
  std::uint8_t transport_sequence_id_ = offered::kTransportSequenceId;
  bwe::ArrivalRecorder arrivals_;
  Instant next_tick_ = Instant::never();
  Instant next_report_;
  std::uint64_t unknown_packets_ = 0;
  std::uint64_t corrupt_packets_ = 0;
  std::uint64_t media_digest_ = 0xcbf29ce484222325ULL;
  std::uint64_t heads_digest_ = media_digest_;
  std::uint64_t transport_feedbacks_ = 0;
};

}  // namespace meridian::test
