#pragma once

#include "dtls/session.hpp"
#include "ice/lite_agent.hpp"
#include "metrics/drop_reason.hpp"
#include "srtp/types.hpp"
#include "transport/state.hpp"

/// The errors of the protocol cores, in the words of the transport.
namespace meridian::transport {

using metrics::DropReason;

[[nodiscard]] constexpr DropReason reason_of(ice::CheckError error) {
  switch (error) {
    case ice::CheckError::kNotRequest:
      return DropReason::kStunNotRequest;
    case ice::CheckError::kBadUsername:
      return DropReason::kStunUnknownUfrag;
    case ice::CheckError::kBadIntegrity:
      return DropReason::kStunBadIntegrity;
  }
  return DropReason::kStunMalformed;
}

/// `malformed` is the reason for a packet that isn't RTP or RTCP at all.
[[nodiscard]] constexpr DropReason reason_of(srtp::SrtpError error, DropReason malformed) {
  switch (error) {
    case srtp::SrtpError::kMalformed:
    case srtp::SrtpError::kNoRoom:
      return malformed;
    case srtp::SrtpError::kUnknownStream:
      return DropReason::kSrtpUnknownStream;
    case srtp::SrtpError::kAuthFailed:
      return DropReason::kSrtpAuthFailed;
    case srtp::SrtpError::kReplayed:
      return DropReason::kSrtpReplayed;
    case srtp::SrtpError::kNotEncrypted:
      return DropReason::kSrtpNotEncrypted;
    case srtp::SrtpError::kTooManyStreams:
      return DropReason::kSrtpTooManyStreams;
    case srtp::SrtpError::kIndexReused:
      return DropReason::kSrtpIndexReused;
    case srtp::SrtpError::kKeyExhausted:
      return DropReason::kSrtpKeyExhausted;
  }
  return malformed;
}

[[nodiscard]] constexpr TransportFailure failure_of(dtls::SessionFailure failure) {
  switch (failure) {
    case dtls::SessionFailure::kTimeout:
      return TransportFailure::kDtlsTimeout;
    case dtls::SessionFailure::kFingerprintMismatch:
      return TransportFailure::kFingerprintMismatch;
    case dtls::SessionFailure::kNoSrtpProfile:
      return TransportFailure::kNoSrtpProfile;
    case dtls::SessionFailure::kProtocol:
    case dtls::SessionFailure::kNone:
      break;
  }
  return TransportFailure::kDtlsError;
}

}  // namespace meridian::transport
