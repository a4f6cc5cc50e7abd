#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace meridian::metrics {

/// Why a datagram, packet or message was discarded. Each drop is counted under exactly one reason
/// and never logged. Append new reasons at the end, before kCount, and name them below.
enum class DropReason : std::uint8_t {
  // Datagrams, before anything is trusted.
  kUnknownProtocol,  // first byte outside RFC 7983
  kOversized,        // longer than what is ever sent to us
  kUnknownTuple,     // not from a 5-tuple that passed an authenticated check
  kRateLimited,      // over the budget of its source or transport
  kPermitStale,      // residency: the transport's permit was revoked or replaced
  // STUN.
  kStunMalformed,
  kStunNotRequest,    // not a Binding request
  kStunUnknownUfrag,  // USERNAME names no transport of this worker
  kStunBadIntegrity,  // MESSAGE-INTEGRITY missing or wrong
  kStunTupleTaken,    // the tuple is in use by another transport
  // DTLS.
  kDtlsBeforeIce,
  kDtlsRefused,  // garbage, over the handshake's limits, or after the session ended
  kDtlsQueueFull,
  // SRTP.
  kMediaBeforeDtls,
  kMalformedRtp,
  kMalformedRtcp,
  kSrtpAuthFailed,
  kSrtpReplayed,      // seen before, or too old to tell
  kSrtpNotEncrypted,  // SRTCP with the E bit clear
  kSrtpTooManyStreams,
  // Sending.
  kSrtpIndexReused,  // (key, SSRC, index) was already encrypted
  kSrtpUnknownStream,
  kSrtpKeyExhausted,
  kNoSelectedPair,  // nowhere to send: no tuple, or consent is stale
  kTransportClosed,
  // Forwarding.
  kNoPublication,
  kQueueFull,
  kDuplicate,           // the packet came before, e.g. by a retransmission
  kUnknownSource,       // SSRC that belongs to no media section
  kTooManySources,      // more SSRCs than a transport may send
  kUnknownPayloadType,  // not negotiated, or not taken by the subscriber
  kRelayFull,           // the ring to another worker has no room
  // Residency, later additions.
  kPermitRevoked,    // from the peer of a transport whose permit was revoked
  kLeaseExpired,     // the account is restricted and the node's lease ran out
  kHandshakesFull,   // as many DTLS handshakes as the node has at once, or as may wait for a turn
  kRelayedForOther,  // came over a participant's TURN allocation, for another's transport
  kPacedOut,         // waited too long for its turn to leave, or came to be of no use meanwhile
  kCount,
};

inline constexpr std::size_t kDropReasonCount = static_cast<std::size_t>(DropReason::kCount);

/// Label value of the metric: snake_case, stable.
constexpr std::string_view name(DropReason reason) {
  constexpr std::array<std::string_view, kDropReasonCount> kNames = {
      "unknown_protocol",   "oversized",           "unknown_tuple",        "rate_limited",
      "permit_stale",       "stun_malformed",      "stun_not_request",     "stun_unknown_ufrag",
      "stun_bad_integrity", "stun_tuple_taken",    "dtls_before_ice",      "dtls_refused",
      "dtls_queue_full",    "media_before_dtls",   "malformed_rtp",        "malformed_rtcp",
      "srtp_auth_failed",   "srtp_replayed",       "srtp_not_encrypted",   "srtp_too_many_streams",
      "srtp_index_reused",  "srtp_unknown_stream", "srtp_key_exhausted",   "no_selected_pair",
      "transport_closed",   "no_publication",      "queue_full",           "duplicate",
      "unknown_source",     "too_many_sources",    "unknown_payload_type", "relay_full",
      "permit_revoked",     "lease_expired",       "handshakes_full",      "relayed_for_other",
      "paced_out",
  };
  static_assert(!kNames.back().empty(), "a reason has no name");
  const auto index = static_cast<std::size_t>(reason);
  return index < kNames.size() ? kNames[index] : "invalid";
}

}  // namespace meridian::metrics
