#pragma once

#include <cstdint>

namespace meridian::transport {

/// What a transport tells its owner.
enum class TransportState : std::uint8_t {
  kIceConnected,  // first authenticated check
  kConnected,     // DTLS done, SRTP keys in place
  kFailed,        // handshake refused or timed out; see reason
  kDisconnected,  // consent expired; the transport stays for an ICE restart until it is closed
};

enum class TransportFailure : std::uint8_t {
  kNone,
  kIceTimeout,
  kDtlsTimeout,
  kDtlsError,
  kFingerprintMismatch,
  kNoSrtpProfile,
  kConsentExpired,
  kClosedByPeer,
  kLimit,
  kNotPermitted,  // the policy moved and no longer allows it
};

}  // namespace meridian::transport
