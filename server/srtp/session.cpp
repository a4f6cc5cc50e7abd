#include "srtp/session.hpp"

#include "base/check.hpp"
#include "base/prefetch.hpp"
#include "srtp/aead.hpp"
#include "srtp/libsrtp.hpp"

namespace meridian::srtp {
namespace {

/// One of two implementations, without a virtual call.
template <class Variant, class Call>
auto dispatch(Variant& cipher, Call call) {
  if (auto* aead = std::get_if<0>(&cipher)) {
    return call(**aead);
  }
  return call(*std::get<1>(cipher));
}

}  // namespace

ProtectSession::ProtectSession(const KeyMaterial& material, GcmLibrary library) {
  if (is_aead(material.profile)) {
    cipher_ = std::make_unique<AeadProtect>(material, library);
  } else {
    cipher_ = std::make_unique<LibsrtpProtect>(material);
  }
}
ProtectSession::ProtectSession(ProtectSession&&) noexcept = default;
ProtectSession& ProtectSession::operator=(ProtectSession&&) noexcept = default;
ProtectSession::~ProtectSession() = default;

base::Expected<void, SrtpError> ProtectSession::add_stream(Ssrc ssrc) {
  return dispatch(cipher_, [&](auto& cipher) { return cipher.add_stream(ssrc); });
}

base::Expected<std::size_t, SrtpError> ProtectSession::protect_rtp(MutableBytes buffer,
                                                                   std::size_t length) {
  MERIDIAN_CHECK(length <= buffer.size());
  return dispatch(cipher_, [&](auto& cipher) { return cipher.protect_rtp(buffer, length); });
}

base::Expected<std::size_t, SrtpError> ProtectSession::protect_rtcp(MutableBytes buffer,
                                                                    std::size_t length) {
  MERIDIAN_CHECK(length <= buffer.size());
  return dispatch(cipher_, [&](auto& cipher) { return cipher.protect_rtcp(buffer, length); });
}

void ProtectSession::prefetch() const {
  if (const auto* aead = std::get_if<0>(&cipher_)) {
    base::prefetch(aead->get(), sizeof(AeadProtect));
  }
}
void ProtectSession::prefetch_key() const {
  if (const auto* aead = std::get_if<0>(&cipher_)) {
    (*aead)->prefetch_key();
  }
}

UnprotectSession::UnprotectSession(const KeyMaterial& material, GcmLibrary library) {
  if (is_aead(material.profile)) {
    cipher_ = std::make_unique<AeadUnprotect>(material, library);
  } else {
    cipher_ = std::make_unique<LibsrtpUnprotect>(material);
  }
}
UnprotectSession::UnprotectSession(UnprotectSession&&) noexcept = default;
UnprotectSession& UnprotectSession::operator=(UnprotectSession&&) noexcept = default;
UnprotectSession::~UnprotectSession() = default;

base::Expected<std::size_t, SrtpError> UnprotectSession::unprotect_rtp(MutableBytes packet) {
  return dispatch(cipher_, [&](auto& cipher) { return cipher.unprotect_rtp(packet); });
}

base::Expected<std::size_t, SrtpError> UnprotectSession::unprotect_rtcp(MutableBytes packet) {
  return dispatch(cipher_, [&](auto& cipher) { return cipher.unprotect_rtcp(packet); });
}

}  // namespace meridian::srtp
