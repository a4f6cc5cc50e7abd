#pragma once

#include <cstddef>
#include <memory>
#include <variant>

#include "base/bytes.hpp"
#include "base/expected.hpp"
#include "base/rtp_types.hpp"
#include "srtp/gcm.hpp"
#include "srtp/types.hpp"

/// SRTP and SRTCP of one transport (RFC 3711, RFC 7714), one session for each direction. Packets
/// are worked on in place. Nothing is allocated for a packet of a stream that exists.
namespace meridian::srtp {

class AeadProtect;
class AeadUnprotect;
class LibsrtpProtect;
class LibsrtpUnprotect;

/// Encrypts what we send. An index (SSRC, rollover counter, sequence number) is encrypted at most
/// once: a second use is refused, as is one so old that it can't be told apart. An SSRC that is
/// added again goes on where it was.
class ProtectSession {
 public:
  static constexpr std::size_t kMaxStreams = 4096;

  explicit ProtectSession(const KeyMaterial& material, GcmLibrary library = fastest_gcm());
  ProtectSession(ProtectSession&&) noexcept;
  ProtectSession& operator=(ProtectSession&&) noexcept;
  ~ProtectSession();

  /// Makes room for an SSRC; kTooManyStreams at the limit. May allocate: not on the packet path.
  base::Expected<void, SrtpError> add_stream(Ssrc ssrc);

  /// Encrypts the RTP packet in the first `length` bytes of `buffer`, which has kMaxRtpOverhead
  /// bytes of room behind it; the new length. The SSRC must have been added. On an error the bytes
  /// are as they were.
  [[nodiscard]] base::Expected<std::size_t, SrtpError> protect_rtp(MutableBytes buffer,
                                                                   std::size_t length);
  /// The same for a compound RTCP packet, with kMaxRtcpOverhead bytes of room. Its first SSRC must
  /// have been added.
  [[nodiscard]] base::Expected<std::size_t, SrtpError> protect_rtcp(MutableBytes buffer,
                                                                    std::size_t length);
  /// Into the cache, in two steps some time apart, since the second follows what the first has
  /// fetched: the session, and the key of RTP.
  void prefetch() const;
  void prefetch_key() const;

 private:
  std::variant<std::unique_ptr<AeadProtect>, std::unique_ptr<LibsrtpProtect>> cipher_;
};

/// Authenticates and decrypts what we receive. Streams come into being only once a tag was right.
class UnprotectSession {
 public:
  static constexpr std::size_t kMaxStreams = 256;
  static constexpr std::size_t kRtpReplayWindow = 1024;
  static constexpr std::size_t kRtcpReplayWindow = 128;

  explicit UnprotectSession(const KeyMaterial& material, GcmLibrary library = fastest_gcm());
  UnprotectSession(UnprotectSession&&) noexcept;
  UnprotectSession& operator=(UnprotectSession&&) noexcept;
  ~UnprotectSession();

  /// Length of the RTP packet that now stands in `packet`. After an error the bytes are undefined
  /// and must be dropped; the session is as it was.
  [[nodiscard]] base::Expected<std::size_t, SrtpError> unprotect_rtp(MutableBytes packet);
  [[nodiscard]] base::Expected<std::size_t, SrtpError> unprotect_rtcp(MutableBytes packet);

 private:
  std::variant<std::unique_ptr<AeadUnprotect>, std::unique_ptr<LibsrtpUnprotect>> cipher_;
};

}  // namespace meridian::srtp
