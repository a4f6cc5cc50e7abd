#include "io/tls_certificate.hpp"

#include <string_view>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

namespace meridian::io {
namespace {

std::string openssl_reason() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* text = code == 0 ? nullptr : ERR_reason_error_string(code);
  return text == nullptr ? "unknown reason" : text;
}

// Chooses http/1.1 or stun.turn (RFC 7443), whichever the client lists; refuses other ALPN lists.
int select_protocol(SSL*, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* in, unsigned in_size, void*) {
  static constexpr unsigned char kKnown[] = {8,   'h', 't', 't', 'p', '/', '1', '.', '1', 9,
                                             's', 't', 'u', 'n', '.', 't', 'u', 'r', 'n'};
  unsigned char* chosen = nullptr;
  const int result = SSL_select_next_proto(&chosen, out_size, kKnown, sizeof kKnown, in, in_size);
  *out = chosen;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

UnixTime to_unix(const ASN1_TIME* time) {
  tm parts{};
  ASN1_TIME_to_tm(time, &parts);
  return UnixTime::from_seconds(timegm(&parts));
}

}  // namespace

void TlsCertificate::Free::operator()(SSL_CTX* context) const {
  SSL_CTX_free(context);
}

base::Expected<TlsCertificate, base::Error> TlsCertificate::load(TlsFiles files, UnixTime now) {
  TlsCertificate result(std::move(files));
  if (auto loaded = result.reload(now); !loaded) {
    return std::unexpected(loaded.error());
  }
  return result;
}

base::Expected<void, base::Error> TlsCertificate::reload(UnixTime now) {
  // Taken first: a file that changes while it is read is then read once more.
  stamp_ = stamp();
  ERR_clear_error();
  std::unique_ptr<SSL_CTX, Free> context(SSL_CTX_new(TLS_server_method()));
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // Idle connections give their 32 KiB of record buffers back.
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(context.get(), select_protocol, nullptr);
  const std::string chain = files_.certificate_chain.string();
  const std::string key = files_.private_key.string();
  if (SSL_CTX_use_certificate_chain_file(context.get(), chain.c_str()) != 1) {
    return base::fail("cannot use the TLS certificate " + chain + ": " + openssl_reason());
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), key.c_str(), SSL_FILETYPE_PEM) != 1) {
    return base::fail("cannot use the TLS key " + key + " with the certificate " + chain + ": " +
                      openssl_reason());
  }
  const X509* leaf = SSL_CTX_get0_certificate(context.get());
  const UnixTime expires = to_unix(X509_get0_notAfter(leaf));
  if (expires <= now || to_unix(X509_get0_notBefore(leaf)) > now) {
    return base::fail("the TLS certificate " + chain + " is not valid at this time");
  }
  context_ = std::move(context);
  expires_ = expires;
  return {};
}

bool TlsCertificate::has_changed_on_disk() const {
  return stamp() != stamp_;
}

std::string TlsCertificate::stamp() const {
  std::string text;
  for (const auto& path : {files_.certificate_chain, files_.private_key}) {
    struct stat info{};
    ::stat(path.c_str(), &info);
    text += std::to_string(info.st_ino) + ':' + std::to_string(info.st_size) + ':' +
            std::to_string(info.st_mtim.tv_sec) + '.' + std::to_string(info.st_mtim.tv_nsec) + ' ';
  }
  return text;
}

}  // namespace meridian::io
