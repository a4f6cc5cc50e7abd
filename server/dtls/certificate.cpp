#include "dtls/certificate.hpp"

#include <utility>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "base/check.hpp"
#include "dtls/handshake_provider.hpp"
#include "dtls/peer_check.hpp"

namespace meridian::dtls {
namespace {

/// Server order wins. AEAD_AES_256_GCM first: the strongest, at no measurable extra cost.
constexpr const char* kSrtpProfiles =
    "SRTP_AEAD_AES_256_GCM:SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80";
constexpr const char* kCiphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305";
/// P-256 first: OpenSSL takes less time for it than for X25519.
constexpr const char* kGroups = "P-256:X25519";
/// A chain that a client may send; ours has one certificate of under 1 KiB.
constexpr long kMaxPeerChain = 16L * 1024;

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using X509Pointer = std::unique_ptr<X509, decltype(&X509_free)>;

std::time_t seconds(UnixTime time) {
  return static_cast<std::time_t>(time.seconds());
}

X509Pointer self_sign(EVP_PKEY* key, UnixTime now) {
  constexpr Duration kDay = 24h;
  X509Pointer certificate(X509_new(), &X509_free);
  std::uint64_t serial = 0;
  MERIDIAN_CHECK(certificate &&
                 RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof(serial)) == 1);
  X509* x509 = certificate.get();
  X509_NAME* name = X509_get_subject_name(x509);
  const auto* common_name = reinterpret_cast<const unsigned char*>("meridian");
  MERIDIAN_CHECK(X509_set_version(x509, X509_VERSION_3) == 1 &&
                 ASN1_INTEGER_set_uint64(X509_get_serialNumber(x509), serial >> 1U) == 1 &&
                 ASN1_TIME_set(X509_getm_notBefore(x509), seconds(now + -kDay)) != nullptr &&
                 ASN1_TIME_set(X509_getm_notAfter(x509), seconds(now + 3650 * kDay)) != nullptr &&
                 X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common_name, -1, -1, 0) ==
                     1 &&
                 X509_set_issuer_name(x509, name) == 1 && X509_set_pubkey(x509, key) == 1 &&
                 X509_sign(x509, key, EVP_sha256()) > 0);
  return certificate;
}

void configure(SSL_CTX* context, X509* certificate, EVP_PKEY* key) {
  MERIDIAN_CHECK(SSL_CTX_set_min_proto_version(context, DTLS1_2_VERSION) == 1 &&
                 SSL_CTX_set_max_proto_version(context, DTLS1_2_VERSION) == 1 &&
                 SSL_CTX_set_cipher_list(context, kCiphers) == 1 &&
                 SSL_CTX_set1_groups_list(context, kGroups) == 1 &&
                 SSL_CTX_use_certificate(context, certificate) == 1 &&
                 SSL_CTX_use_PrivateKey(context, key) == 1 &&
                 SSL_CTX_set_tlsext_use_srtp(context, kSrtpProfiles) == 0);  // 0 is success here
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_QUERY_MTU |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_max_cert_list(context, kMaxPeerChain);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_cert_verify_callback(context, check_peer_certificate, nullptr);
}

}  // namespace

std::optional<Fingerprint> fingerprint_of(const X509* certificate) {
  Fingerprint fingerprint;
  unsigned size = 0;
  if (X509_digest(certificate, EVP_sha256(), fingerprint.sha256.data(), &size) != 1 ||
      size != fingerprint.sha256.size()) {
    return std::nullopt;
  }
  return fingerprint;
}

void Certificate::Free::operator()(ssl_ctx_st* context) const {
  SSL_CTX_free(context);
}

Certificate Certificate::make(UnixTime now) {
  OSSL_LIB_CTX* library = handshake_context();
  const Key key(EVP_PKEY_Q_keygen(library, nullptr, "EC", "P-256"), &EVP_PKEY_free);
  MERIDIAN_CHECK(key);
  const X509Pointer certificate = self_sign(key.get(), now);
  Context context(SSL_CTX_new_ex(library, nullptr, DTLS_server_method()));
  MERIDIAN_CHECK(context);
  configure(context.get(), certificate.get(), key.get());
  const auto fingerprint = fingerprint_of(certificate.get());
  MERIDIAN_CHECK(fingerprint);
  return {std::move(context), *fingerprint};
}

Certificate::Certificate(Context context, const Fingerprint& fingerprint)
    : context_(std::move(context)), fingerprint_(fingerprint) {}
Certificate::Certificate(Certificate&&) noexcept = default;
Certificate& Certificate::operator=(Certificate&&) noexcept = default;
Certificate::~Certificate() = default;

}  // namespace meridian::dtls
