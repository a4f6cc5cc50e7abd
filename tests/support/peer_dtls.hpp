#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "dtls/fingerprint.hpp"
#include "dtls/session.hpp"

namespace meridian::test {

/// The active side of DTLS, on OpenSSL, with a certificate of its own. Datagrams and `now` in,
/// datagrams out, as in the server.
class PeerDtls {
 public:
  struct Settings {
    std::string srtp_profiles =
        "SRTP_AEAD_AES_256_GCM:SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80";
    std::string ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
    /// Without one the server must refuse.
    bool has_certificate = true;
    /// Instead of one for P-256.
    bool has_rsa_key = false;
    /// Makes the ClientHello so long that it takes two datagrams, as Chromium's does.
    bool has_long_hello = false;
  };

  explicit PeerDtls(const Settings& settings);
  PeerDtls() : PeerDtls(Settings{}) {}
  ~PeerDtls();

  [[nodiscard]] const dtls::Fingerprint& fingerprint() const;
  /// Of the certificate that the server showed.
  [[nodiscard]] std::optional<dtls::Fingerprint> server_fingerprint() const;

  void start(Instant now);
  void handle_datagram(Bytes datagram, Instant now);
  [[nodiscard]] Instant next_timeout() const;
  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<std::vector<std::uint8_t>> poll_datagram();

  [[nodiscard]] bool is_connected() const;
  /// The server said close_notify or sent a fatal alert.
  [[nodiscard]] bool is_closed() const;
  [[nodiscard]] const std::optional<dtls::ExportedKeys>& keys() const;
  bool send(Bytes payload);
  [[nodiscard]] std::optional<std::vector<std::uint8_t>> poll_payload();
  void close();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace meridian::test
