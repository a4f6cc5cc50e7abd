#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "base/time.hpp"
#include "ice/credentials.hpp"
#include "ice/stun.hpp"
#include "support/peer_dtls.hpp"
#include "support/peer_srtp.hpp"

namespace meridian::test {

struct PeerSettings {
  /// The client's own credentials, and the server's.
  ice::Credentials local;
  ice::Credentials remote;
  /// When present, the server's certificate must have it.
  std::optional<dtls::Fingerprint> server_fingerprint;
  PeerDtls::Settings dtls;
  /// How long between checks once connected.
  Duration check_interval = 2500ms;
};

/// The client's side of a peer connection: controlling ICE towards one address (aggressive
/// nomination) of a peer that is lite or only answers, active DTLS, SRTP by libsrtp2. No I/O and no
/// clock: datagrams and `now` in; datagrams, packets and the next timeout out. The owner decides
/// from and to which address the datagrams go, so that it can roam, lose and reorder them.
class Peer {
 public:
  Peer(PeerSettings settings, std::uint64_t seed);

  /// For the client's SDP.
  [[nodiscard]] const dtls::Fingerprint& fingerprint() const { return dtls_.fingerprint(); }
  /// Before start(), for owners that learn them from an answer.
  void set_remote(ice::Credentials remote, std::optional<dtls::Fingerprint> fingerprint);

  /// Where the server is, for those that send checks of their own: without it they aren't answered.
  void set_server_address(const SocketAddress& address) { server_address_ = address; }

  void start(Instant now);
  void handle_datagram(Bytes datagram, Instant now);
  [[nodiscard]] Instant next_timeout() const;
  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<std::vector<std::uint8_t>> poll_datagram();

  [[nodiscard]] bool is_ice_connected() const { return is_ice_connected_; }
  /// DTLS done and the server's certificate the one that was signalled.
  [[nodiscard]] bool is_connected() const { return send_srtp_.has_value(); }
  /// The server ended DTLS, or showed a wrong certificate.
  [[nodiscard]] bool is_failed() const { return is_failed_ || dtls_.is_closed(); }
  [[nodiscard]] std::uint16_t srtp_profile() const {
    return dtls_.keys() ? dtls_.keys()->profile : std::uint16_t{0};
  }
  /// Where the server sees us (XOR-MAPPED-ADDRESS of the newest response).
  [[nodiscard]] std::optional<SocketAddress> mapped_address() const { return mapped_address_; }
  [[nodiscard]] std::uint64_t checks_answered() const { return checks_answered_; }

  /// Encrypt a plain packet and queue it. False before is_connected(), or when libsrtp refuses.
  bool send_rtp(Bytes packet);
  bool send_rtcp(Bytes packet);
  bool send_sctp(Bytes packet) { return flush_dtls(dtls_.send(packet)); }
  [[nodiscard]] std::optional<std::vector<std::uint8_t>> poll_rtp() { return pop(rtp_); }
  [[nodiscard]] std::optional<std::vector<std::uint8_t>> poll_rtcp() { return pop(rtcp_); }
  [[nodiscard]] std::optional<std::vector<std::uint8_t>> poll_sctp() {
    return dtls_.poll_payload();
  }
  /// Packets whose tag libsrtp found wrong, or whose number it had seen with other bytes.
  [[nodiscard]] std::uint64_t srtp_refused() const { return srtp_refused_; }
  /// Packets that came once more byte for byte, as sound does where much is lost.
  [[nodiscard]] std::uint64_t repeated() const { return repeated_; }

  /// New credentials; DTLS and SRTP stay. The next check goes out at once.
  void restart_ice(ice::Credentials local, ice::Credentials remote, Instant now);
  /// Goes silent without a word, or comes back.
  enum class Checks : std::uint8_t { kOn, kOff };
  void set_checks(Checks checks, Instant now);
  /// The next check now, for instance from a new address.
  void check_now(Instant now) { send_check(now); }
  void close();

 private:
  using Packet = std::vector<std::uint8_t>;
  static std::optional<Packet> pop(std::deque<Packet>& queue);
  void send_check(Instant now);
  void handle_stun(Bytes datagram, Instant now);
  void answer_check(const ice::StunMessage& check);
  void handle_media(Bytes datagram);
  void follow_dtls();
  bool flush_dtls(bool result);

  PeerSettings settings_;
  SeededRandomSource random_;
  ice::IntegrityKey server_key_;
  PeerDtls dtls_;
  std::optional<PeerSrtp> send_srtp_;
  std::optional<PeerSrtp> receive_srtp_;
  std::deque<Packet> output_;
  std::deque<Packet> rtp_;
  std::deque<Packet> rtcp_;
  std::deque<ice::TransactionId> transactions_;
  std::uint64_t tie_breaker_ = 0;
  std::optional<SocketAddress> mapped_address_;
  std::optional<SocketAddress> server_address_;
  Instant next_check_ = Instant::never();
  std::uint64_t checks_answered_ = 0;
  std::uint64_t srtp_refused_ = 0;
  std::uint64_t repeated_ = 0;
  /// Of the last media packets.
  std::vector<std::uint64_t> digests_ = std::vector<std::uint64_t>(2048);
  std::size_t taken_ = 0;
  bool is_ice_connected_ = false;
  bool is_failed_ = false;
};

}  // namespace meridian::test
