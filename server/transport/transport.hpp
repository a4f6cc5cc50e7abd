#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "base/expected.hpp"
#include "base/ids.hpp"
#include "base/prefetch.hpp"
#include "base/time.hpp"
#include "dtls/certificate.hpp"
#include "dtls/session.hpp"
#include "ice/credentials.hpp"
#include "ice/lite_agent.hpp"
#include "ice/tuple.hpp"
#include "metrics/drop_reason.hpp"
#include "residency/permit.hpp"
#include "srtp/session.hpp"
#include "transport/send_batch.hpp"
#include "transport/state.hpp"

namespace meridian::transport {

using metrics::DropReason;
using ClientPermit = residency::Permit<residency::ClientLeg>;
/// Nothing, or why it was dropped. The caller counts the reason.
template <class T = void>
using Taken = base::Expected<T, DropReason>;

/// What the peer connection was agreed to be.
struct TransportSettings {
  TransportId id;
  ice::Credentials local;
  ice::Credentials remote;
  dtls::Fingerprint remote_fingerprint;
  /// The first transport of whoever it belongs to.
  TransportId participant = {};
};

struct StateChange {
  TransportState state = TransportState::kFailed;
  TransportFailure reason = TransportFailure::kNone;
  friend bool operator==(const StateChange&, const StateChange&) = default;
};

/// UDP payload bytes and datagrams that passed the gates, and those sent.
struct TransportCounters {
  std::uint64_t datagrams_received = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t datagrams_sent = 0;
  std::uint64_t bytes_sent = 0;
};

/// One peer connection: ICE-lite, DTLS and SRTP, composed behind the residency gate. It can only be
/// made with a permit; when that is revoked it neither takes nor sends a byte. No I/O: datagrams
/// and `now` in; datagrams (into a SendBatch), events and the next timeout out. One thread at a
/// time.
///
/// Every datagram passes in this order: permit, validated tuple, DTLS done; then the protocol. Each
/// refusal is a DropReason and changes nothing.
class Transport {
 public:
  /// From construction until the first authenticated check.
  static constexpr Duration kIceTime = 30s;
  /// State changes that may wait to be polled; beyond it the oldest go.
  static constexpr std::size_t kMaxEvents = 16;
  /// Longest datagram that is looked at.
  static constexpr std::size_t kMaxDatagram = 1500;

  /// `permit` must be valid; `certificate` must outlive the transport.
  Transport(ClientPermit permit, const TransportSettings& settings,
            const dtls::Certificate& certificate, Instant now);
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  ~Transport() = default;

  [[nodiscard]] TransportId id() const { return id_; }
  [[nodiscard]] TransportId participant() const { return participant_; }

  // ---- Residency

  [[nodiscard]] const ClientPermit& permit() const { return permit_; }
  /// Re-admission under a newer epoch. No effect once revoked: that is final.
  void renew(ClientPermit permit);
  /// The meeting has come under these levels, too.
  void narrow(residency::LevelNames levels) { permit_.narrow(std::move(levels)); }
  /// From here on nothing passes in either direction; the keys are destroyed.
  void revoke();
  [[nodiscard]] bool is_permitted() const { return !is_revoked_ && permit_.is_valid(); }

  // ---- In (use Demultiplexer for STUN, which keeps its tables in step)

  /// A message that names this transport; the response goes into `batch`.
  Taken<ice::Check> handle_stun(const ice::StunMessage& message, const ice::Tuple& from,
                                Instant now, SendBatch& batch);
  /// The tuple belongs to another transport now.
  void forget_tuple(const ice::Tuple& tuple) { ice_.forget(tuple); }
  /// A DTLS record; flights that answer it go into `batch`.
  Taken<> handle_dtls(Bytes datagram, const ice::Tuple& from, Instant now, SendBatch& batch);
  /// Authenticates and decrypts in place; the length of the plain packet in `packet`. After a
  /// refusal its bytes are undefined.
  [[nodiscard]] Taken<std::size_t> unprotect_rtp(MutableBytes packet, const ice::Tuple& from);
  [[nodiscard]] Taken<std::size_t> unprotect_rtcp(MutableBytes packet, const ice::Tuple& from);
  /// An SCTP packet that came inside DTLS, oldest first.
  [[nodiscard]] std::optional<std::vector<std::uint8_t>> poll_sctp() {
    return dtls_.poll_payload();
  }

  // ---- Out

  /// Announces an SSRC that will be sent, before its first packet; may be called before DTLS is
  /// done. An SSRC that was used before goes on with its sequence numbers and rollover counter.
  Taken<> add_send_stream(Ssrc ssrc);
  /// Encrypts the plain RTP packet in the first `length` bytes of `slot`, which is what
  /// batch.reserve() gave, and commits it to the selected tuple. `received`: when the packet that
  /// caused it came, never() for our own. The length of the datagram, which lies in `slot` until
  /// the batch is flushed. On a refusal nothing is committed.
  Taken<std::size_t> send_rtp(SendBatch& batch, MutableBytes slot, std::size_t length,
                              Instant received);
  /// Sends again, byte for byte, what an earlier send_rtp() of this transport has made; its caller
  /// has copied it to the first `length` bytes of `slot`. Nothing is encrypted: the same index with
  /// other bytes would give the key away, the same bytes tell nothing new.
  Taken<> resend_rtp(SendBatch& batch, MutableBytes slot, std::size_t length);
  /// The same for a compound RTCP packet.
  Taken<> send_rtcp(SendBatch& batch, MutableBytes slot, std::size_t length);
  /// An SCTP packet, inside DTLS.
  Taken<> send_sctp(SendBatch& batch, Bytes packet);
  /// Into the cache, in three steps some time apart, each of which follows what the one before has
  /// fetched: what send_rtp() needs.
  void prefetch() const { base::prefetch(this, sizeof *this); }
  void prefetch_session() const {
    if (protect_) {
      protect_->prefetch();
    }
  }
  void prefetch_key() const {
    if (protect_) {
      protect_->prefetch_key();
    }
  }
  /// Whether media can be sent now: permitted, connected, and the peer's consent is fresh.
  [[nodiscard]] bool can_send() const { return is_connected_ && !is_paused_ && is_permitted(); }

  // ---- Time and state

  [[nodiscard]] Instant next_timeout() const;
  void handle_timeout(Instant now, SendBatch& batch);
  [[nodiscard]] std::optional<StateChange> poll_event();
  [[nodiscard]] bool is_connected() const { return is_connected_; }
  /// A DTLS handshake was begun, and is neither done nor given up.
  [[nodiscard]] bool is_handshaking() const { return !is_over_ && dtls_.is_handshaking(); }
  /// Failed, revoked or closed: nothing will come of it any more.
  [[nodiscard]] bool is_over() const { return is_over_; }

  /// New credentials on both sides; DTLS, SRTP and SCTP stay. Through Demultiplexer, please.
  void restart_ice(const ice::Credentials& local, const ice::Credentials& remote);
  /// Says close_notify to the peer when connected. Afterwards everything is refused.
  void close(SendBatch& batch);

  [[nodiscard]] const ice::LiteAgent& ice() const { return ice_; }
  [[nodiscard]] const TransportCounters& counters() const { return counters_; }
  /// Measured by the DTLS handshake; later measurements come from RTCP.
  [[nodiscard]] std::optional<Duration> handshake_round_trip() const { return dtls_.round_trip(); }

 private:
  [[nodiscard]] Taken<> admit(std::size_t size) const;
  [[nodiscard]] Taken<> admit_media(std::size_t size, const ice::Tuple& from) const;
  [[nodiscard]] Taken<const ice::Tuple*> send_path() const;
  void commit(SendBatch& batch, const ice::Tuple& to, std::size_t length, Instant received);
  void drain_dtls(SendBatch& batch);
  void follow_dtls();
  void install_keys(const dtls::ExportedKeys& keys);
  void update_consent(Instant now);
  void on_check(Instant now);
  void push(TransportState state, TransportFailure reason = TransportFailure::kNone);
  void fail(TransportFailure reason);
  void count_received(std::size_t size);
  void on_authentic_media(std::size_t size);

  TransportId id_;
  TransportId participant_;
  ClientPermit permit_;
  ice::LiteAgent ice_;
  dtls::Session dtls_;
  std::optional<srtp::ProtectSession> protect_;
  std::optional<srtp::UnprotectSession> unprotect_;
  std::vector<Ssrc> early_streams_;  // added before the keys were there
  std::deque<StateChange> events_;
  TransportCounters counters_;
  Instant ice_deadline_;
  Instant consent_deadline_ = Instant::never();
  bool is_revoked_ = false;
  bool is_connected_ = false;
  bool has_heard_media_ = false;
  bool is_over_ = false;
  bool is_paused_ = false;        // consent is quiet or expired
  bool is_disconnected_ = false;  // consent expired and the owner was told
};

}  // namespace meridian::transport
