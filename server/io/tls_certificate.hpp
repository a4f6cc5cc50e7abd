#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/expected.hpp"
#include "base/time.hpp"

using SSL_CTX = struct ssl_ctx_st;

namespace meridian::io {

/// Where a listener's certificate chain and key are (PEM).
struct TlsFiles {
  std::filesystem::path certificate_chain;
  std::filesystem::path private_key;
};

/// The certificate of HTTPS listeners. Reloading replaces it for new connections and keeps the old
/// one when the new pair is unusable. Used by one thread.
class TlsCertificate {
 public:
  /// Errors: a sentence with the file when a file is unreadable, key and certificate don't belong
  /// together, or the certificate is not valid at `now`.
  static base::Expected<TlsCertificate, base::Error> load(TlsFiles files, UnixTime now);

  /// Reads both files again.
  base::Expected<void, base::Error> reload(UnixTime now);
  /// Whether a file was replaced or written since it was last read.
  [[nodiscard]] bool has_changed_on_disk() const;

  /// For TLS 1.2 and 1.3 servers, ALPN http/1.1 and stun.turn; owned by this object.
  [[nodiscard]] SSL_CTX* context() const { return context_.get(); }
  [[nodiscard]] UnixTime expires() const { return expires_; }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const;
  };
  explicit TlsCertificate(TlsFiles files) : files_(std::move(files)) {}
  [[nodiscard]] std::string stamp() const;

  TlsFiles files_;
  std::string stamp_;
  std::unique_ptr<SSL_CTX, Free> context_;
  UnixTime expires_;
};

}  // namespace meridian::io
