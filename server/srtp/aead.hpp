#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/expected.hpp"
#include "base/rtp_types.hpp"
#include "srtp/gcm.hpp"
#include "srtp/replay_window.hpp"
#include "srtp/session.hpp"
#include "srtp/ssrc_table.hpp"
#include "srtp/types.hpp"

/// SRTP with AES-GCM (RFC 7714): the session's implementation for the AEAD profiles.
namespace meridian::srtp {

/// Cipher and salt of SRTP or of SRTCP.
struct AeadKeys {
  enum class Use : std::uint8_t { kRtp, kRtcp };
  AeadKeys(const KeyMaterial& material, Use use, Gcm::Direction direction, GcmLibrary library);
  /// RFC 7714 section 8.1: SSRC, then the 48-bit index, under the salt. Section 9.1 has the same
  /// form, since an SRTCP index has 31 bits.
  [[nodiscard]] Gcm::Nonce nonce(Ssrc ssrc, std::uint64_t index) const;

  GcmCipher cipher;
  Gcm::Nonce salt{};
};

class AeadProtect {
 public:
  AeadProtect(const KeyMaterial& material, GcmLibrary library);
  base::Expected<void, SrtpError> add_stream(Ssrc ssrc);
  base::Expected<std::size_t, SrtpError> protect_rtp(MutableBytes buffer, std::size_t length);
  base::Expected<std::size_t, SrtpError> protect_rtcp(MutableBytes buffer, std::size_t length);
  void prefetch_key() const { rtp_.cipher.prefetch(); }

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
  AeadUnprotect(const KeyMaterial& material, GcmLibrary library);
  base::Expected<std::size_t, SrtpError> unprotect_rtp(MutableBytes packet);
  base::Expected<std::size_t, SrtpError> unprotect_rtcp(MutableBytes packet);

 private:
  AeadKeys rtp_;
  AeadKeys rtcp_;
  SsrcTable<ReplayWindow<UnprotectSession::kRtpReplayWindow>> rtp_streams_;
  SsrcTable<ReplayWindow<UnprotectSession::kRtcpReplayWindow>> rtcp_streams_;
};

}  // namespace meridian::srtp
