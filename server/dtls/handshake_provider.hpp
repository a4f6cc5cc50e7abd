#pragma once

#include <openssl/types.h>

/// Between certificate.cpp and this file's tests only.
namespace meridian::dtls {

/// The library context in which handshakes run: OpenSSL's default provider with only the keys and
/// ciphers that a handshake can need, and decoders of these keys. OpenSSL 3.0 sets up every decoder
/// that it has for the key of each certificate, and asks every kind of key whether it is meant,
/// which takes longer than to check a signature with it. Made once, for the life of the process,
/// and for any thread. Null, which is OpenSSL's own context, where the operator's OpenSSL
/// configuration has another provider decide (FIPS).
[[nodiscard]] OSSL_LIB_CTX* handshake_context();

}  // namespace meridian::dtls
