#pragma once

#include <optional>

#include <openssl/ssl.h>

#include "dtls/fingerprint.hpp"

/// Between certificate.cpp and session.cpp only.
namespace meridian::dtls {

/// What a session tells OpenSSL's verification hook (as the SSL's app data), and what comes back.
struct PeerCheck {
  Fingerprint expected;
  enum class Result : unsigned char { kNotAsked, kMatch, kMismatch };
  Result result = Result::kNotAsked;
};

/// Digest of a certificate's DER form.
[[nodiscard]] std::optional<Fingerprint> fingerprint_of(const X509* certificate);

/// The hook: no chain, no dates, only whether the leaf is the certificate that the session expects.
/// A refusal ends the handshake before any key exists.
int check_peer_certificate(X509_STORE_CTX* store, void* unused);

}  // namespace meridian::dtls
