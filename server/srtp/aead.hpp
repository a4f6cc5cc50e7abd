#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/bytes.hpp"
#include "base/expected.hpp"
#include "base/rtp_types.hpp"
#include "srtp/replay_window.hpp"
#include "srtp/session.hpp"
#include "srtp/ssrc_table.hpp"
#include "srtp/types.hpp"

struct evp_cipher_ctx_st;

/// SRTP with AES-GCM (RFC 7714) on OpenSSL: the session's implementation for the AEAD profiles.
namespace meridian::srtp {

/// AES-GCM under one key for one direction. The context is made once; a packet only sets the nonce.
class GcmCipher {
 public:
  static constexpr std::size_t kTagSize = 16;
  static constexpr std::size_t kNonceSize = 12;
  using Nonce = std::array<std::uint8_t, kNonceSize>;
  enum class Direction : std::uint8_t { kEncrypt, kDecrypt };

  /// `key` has 16 or 32 bytes.
  GcmCipher(Direction direction, Bytes key);

  /// Encrypts `text` in place and writes the tag. `more` is authenticated after `header`.
  void seal(const Nonce& nonce, Bytes header, Bytes more, MutableBytes text, std::uint8_t* tag);
  /// Decrypts `text` in place; false when the tag is wrong, and `text` is then garbage.
  [[nodiscard]] bool open(const Nonce& nonce, Bytes header, Bytes more, MutableBytes text,
                          const std::uint8_t* tag);

 private:
  struct Free {
    void operator()(evp_cipher_ctx_st* context) const;
  };
  std::unique_ptr<evp_cipher_ctx_st, Free> context_;
};

/// Cipher and salt of SRTP or of SRTCP.
struct AeadKeys {
  enum class Use : std::uint8_t { kRtp, kRtcp };
  AeadKeys(const KeyMaterial& material, Use use, GcmCipher::Direction direction);
  /// RFC 7714 section 8.1: SSRC, then the 48-bit index, under the salt. Section 9.1 has the same
  /// form, since an SRTCP index has 31 bits.
  [[nodiscard]] GcmCipher::Nonce nonce(Ssrc ssrc, std::uint64_t index) const;

  GcmCipher cipher;
  GcmCipher::Nonce salt{};
};

class AeadProtect {
 public:
  explicit AeadProtect(const KeyMaterial& material);
  base::Expected<void, SrtpError> add_stream(Ssrc ssrc);
  base::Expected<std::size_t, SrtpError> protect_rtp(MutableBytes buffer, std::size_t length);
  base::Expected<std::size_t, SrtpError> protect_rtcp(MutableBytes buffer, std::size_t length);

 private:
  struct Stream {
    ReplayWindow<UnprotectSession::kRtpReplayWindow> used;
    std::uint64_t next_rtcp_index = 0;
  };
  AeadKeys rtp_;
  AeadKeys rtcp_;
  SsrcTable<Stream> streams_;
};

class AeadUnprotect {
 public:
  explicit AeadUnprotect(const KeyMaterial& material);
  base::Expected<std::size_t, SrtpError> unprotect_rtp(MutableBytes packet);
  base::Expected<std::size_t, SrtpError> unprotect_rtcp(MutableBytes packet);

 private:
  AeadKeys rtp_;
  AeadKeys rtcp_;
  SsrcTable<ReplayWindow<UnprotectSession::kRtpReplayWindow>> rtp_streams_;
  SsrcTable<ReplayWindow<UnprotectSession::kRtcpReplayWindow>> rtcp_streams_;
};

}  // namespace meridian::srtp
