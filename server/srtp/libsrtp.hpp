#pragma once

#include <cstddef>
#include <memory>

#include "base/bytes.hpp"
#include "base/expected.hpp"
#include "base/rtp_types.hpp"
#include "srtp/ssrc_table.hpp"
#include "srtp/types.hpp"

struct srtp_ctx_t_;

/// AES128_CM_SHA1_80 (RFC 3711) by libsrtp2: the session's implementation for peers without AEAD.
namespace meridian::srtp {

struct LibsrtpFree {
  void operator()(srtp_ctx_t_* context) const;
};
using LibsrtpContext = std::unique_ptr<srtp_ctx_t_, LibsrtpFree>;

class LibsrtpProtect {
 public:
  explicit LibsrtpProtect(const KeyMaterial& material);
  base::Expected<void, SrtpError> add_stream(Ssrc ssrc);
  base::Expected<std::size_t, SrtpError> protect_rtp(MutableBytes buffer, std::size_t length);
  base::Expected<std::size_t, SrtpError> protect_rtcp(MutableBytes buffer, std::size_t length);

 private:
  struct Known {};
  KeyMaterial material_;
  LibsrtpContext context_;
  SsrcTable<Known> streams_;
};

class LibsrtpUnprotect {
 public:
  explicit LibsrtpUnprotect(const KeyMaterial& material);
  base::Expected<std::size_t, SrtpError> unprotect_rtp(MutableBytes packet);
  base::Expected<std::size_t, SrtpError> unprotect_rtcp(MutableBytes packet);

 private:
  struct Known {};
  LibsrtpContext context_;
  SsrcTable<Known> streams_;
};

}  // namespace meridian::srtp
