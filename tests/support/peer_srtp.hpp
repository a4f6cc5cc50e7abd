#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "dtls/session.hpp"

struct srtp_ctx_t_;

namespace meridian::test {

/// SRTP by libsrtp2 for all profiles: an implementation other than the server's AEAD code.
class PeerSrtp {
 public:
  enum class Direction : std::uint8_t { kSend, kReceive };
  /// `profile` is the IANA number.
  PeerSrtp(Direction direction, std::uint16_t profile, const dtls::ExportedKeys::Side& side);

  /// The other form of the packet, or nothing when libsrtp refuses it.
  std::optional<std::vector<std::uint8_t>> rtp(Bytes packet);
  std::optional<std::vector<std::uint8_t>> rtcp(Bytes packet);

 private:
  struct Free {
    void operator()(srtp_ctx_t_* context) const;
  };
  template <class Call>
  std::optional<std::vector<std::uint8_t>> apply(Bytes packet, Call call);

  Direction direction_;
  std::unique_ptr<srtp_ctx_t_, Free> context_;
};

}  // namespace meridian::test
