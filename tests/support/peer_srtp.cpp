#include "support/peer_srtp.hpp"

#include <algorithm>
#include <array>

#include <srtp2/srtp.h>

#include "base/check.hpp"
#include "srtp/session.hpp"

namespace meridian::test {

void PeerSrtp::Free::operator()(srtp_ctx_t_* context) const {
  srtp_dealloc(context);
}

PeerSrtp::PeerSrtp(Direction direction, std::uint16_t profile, const dtls::ExportedKeys::Side& side)
    : direction_(direction) {
  // libsrtp can be initialized only once in a process: by the server's part of it.
  static const srtp::ProtectSession kInitialized(
      srtp::KeyMaterial{.profile = srtp::Profile::kAes128CmSha1_80});
  srtp_policy_t policy{};
  std::size_t key_size = 16;
  std::size_t salt_size = 12;
  const auto set_policy = [&](void (*set)(srtp_crypto_policy_t*)) {
    set(&policy.rtp);
    set(&policy.rtcp);
  };
  if (profile == srtp_profile_aead_aes_256_gcm) {
    key_size = 32;
    set_policy(&srtp_crypto_policy_set_aes_gcm_256_16_auth);
  } else if (profile == srtp_profile_aead_aes_128_gcm) {
    set_policy(&srtp_crypto_policy_set_aes_gcm_128_16_auth);
  } else {
    salt_size = 14;
    set_policy(&srtp_crypto_policy_set_rtp_default);
  }
  std::array<std::uint8_t, 46> master{};
  std::copy_n(side.key.begin(), key_size, master.begin());
  std::copy_n(side.salt.begin(), salt_size, master.begin() + static_cast<std::ptrdiff_t>(key_size));
  policy.ssrc.type = direction == Direction::kSend ? ssrc_any_outbound : ssrc_any_inbound;
  policy.key = master.data();
  policy.window_size = 1024;
  // As browsers send sound again, which has no stream of retransmissions.
  policy.allow_repeat_tx = direction == Direction::kSend ? 1 : 0;
  srtp_t context = nullptr;
  MERIDIAN_CHECK(srtp_create(&context, &policy) == srtp_err_status_ok);
  context_.reset(context);
}

template <class Call>
std::optional<std::vector<std::uint8_t>> PeerSrtp::apply(Bytes packet, Call call) {
  std::vector<std::uint8_t> buffer(packet.size() + SRTP_MAX_TRAILER_LEN);
  std::ranges::copy(packet, buffer.begin());
  int size = static_cast<int>(packet.size());
  if (call(context_.get(), buffer.data(), &size) != srtp_err_status_ok) {
    return std::nullopt;
  }
  buffer.resize(static_cast<std::size_t>(size));
  return buffer;
}

std::optional<std::vector<std::uint8_t>> PeerSrtp::rtp(Bytes packet) {
  return apply(packet, direction_ == Direction::kSend ? &srtp_protect : &srtp_unprotect);
}

std::optional<std::vector<std::uint8_t>> PeerSrtp::rtcp(Bytes packet) {
  return apply(packet, direction_ == Direction::kSend ? &srtp_protect_rtcp : &srtp_unprotect_rtcp);
}

}  // namespace meridian::test
