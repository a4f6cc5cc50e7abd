#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.hpp"

using SSL = struct ssl_st;
using SSL_CTX = struct ssl_ctx_st;
using BIO = struct bio_st;

namespace meridian::io {

/// The server's side of one TLS connection without its socket: ciphertext in and out, plaintext in
/// and out. So it can move with its socket to another thread. One thread at a time.
class TlsSession {
 public:
  /// Longest piece of plaintext that becomes one record.
  static constexpr std::size_t kMaxRecord = 16UL * 1024;

  /// With the certificate and settings of `context`, which it shares from here on.
  explicit TlsSession(SSL_CTX* context);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  enum class Step : std::uint8_t {
    kDone,
    kMore,    // needs more ciphertext from the peer
    kClosed,  // the peer said goodbye
    kFailed,  // there may be an alert to send
  };
  /// Ciphertext that came from the peer.
  void feed(Bytes ciphertext);
  [[nodiscard]] Step handshake();
  struct Read {
    Step step = Step::kFailed;
    std::size_t size = 0;  // > 0 with kDone
  };
  [[nodiscard]] Read read(MutableBytes into);
  /// Encrypts all of `plaintext`, which is not empty; false when the session is over.
  [[nodiscard]] bool write(Bytes plaintext);
  /// Says goodbye.
  void close();

  /// Ciphertext that is to be sent; stays where it is until consume() has taken all of it.
  [[nodiscard]] Bytes output();
  void consume(std::size_t sent);

 private:
  struct Free {
    void operator()(SSL* session) const;
  };
  /// What OpenSSL reads from and writes to: the session's own buffers.
  struct Wire;
  [[nodiscard]] Step step_of(int result) const;

  std::unique_ptr<SSL, Free> ssl_;
  std::vector<std::uint8_t> input_;
  std::size_t read_ = 0;
  /// Ciphertext that output() has not shown yet, and what it shows: that stays where it is until it
  /// is consumed, since it is being sent.
  std::vector<std::uint8_t> written_;
  std::vector<std::uint8_t> output_;
  std::size_t sent_ = 0;
};

}  // namespace meridian::io
